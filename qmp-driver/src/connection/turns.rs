//! The order in which commands are sent.
//!
//! Commands that cannot be sent yet wait in lanes, each with a ticket. When a slot may be free, the first
//! command in a lane is offered its turn: its task is woken, and the others wait until it has tried. A future
//! that is not polled, because its task is busy or has leaked it, must not block the others: it is passed
//! over, keeps its ticket, and goes first when it is polled again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use qmp_proto::SendErrorKind;

/// How long a command has to take an offered turn. With less time, a busy machine changes the order of
/// commands whose tasks are only late; with more, a command that is not polled delays the others longer.
pub(crate) const TIME_TO_TAKE: Duration = Duration::from_millis(50);

/// A place in a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) lane: Lane,
    /// Never changes: a command that moves to another lane keeps its rank.
    pub(crate) ticket: u64,
}

/// Commands in different lanes wait for different resources and may overtake each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    InBand,
    OutOfBand,
    /// For the reply to the command that was sent with the last descriptor.
    Descriptor,
}

/// The lanes and the commands that wait in them.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// `None` while no command waits.
    lanes: Option<Box<[Queue; 3]>>,
    next_ticket: u64,
}

/// The commands that wait for a slot of one kind.
#[derive(Debug, Default)]
struct Queue {
    /// By ticket.
    waiting: BTreeMap<u64, Waiter>,
    /// The tickets of commands that were passed over, or whose deadline has expired.
    passed: BTreeSet<u64>,
    /// Why the first of them was not sent.
    refusal: Option<SendErrorKind>,
}

#[derive(Debug)]
struct Waiter {
    key: usize,
    offer: Offer,
}

/// Whether a command was offered its turn, and has not been polled since.
#[derive(Clone, Copy, Debug)]
enum Offer {
    No,
    /// The time until which the command can take it.
    Until(Instant),
    /// The command did not take it. The driver has yielded once more, because the driver itself may keep a
    /// single-threaded runtime busy.
    Late(Instant),
}

/// The result of checking the offers.
#[derive(Debug, Default)]
pub(crate) struct PassedOver {
    /// Commands were passed over: the next in their lanes are to be offered their turn.
    pub(crate) any: bool,
    /// More commands may be passed over, unless they take their turn when the driver yields.
    pub(crate) yields: bool,
}

impl Turns {
    pub(crate) fn new_ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    pub(crate) fn enqueue(&mut self, turn: Turn, key: usize) {
        let waiter = Waiter { key, offer: Offer::No };
        self.queue(turn.lane).waiting.insert(turn.ticket, waiter);
    }

    pub(crate) fn leave(&mut self, turn: Turn) {
        if let Some(lanes) = &mut self.lanes {
            let queue = &mut lanes[turn.lane as usize];
            queue.waiting.remove(&turn.ticket);
            queue.passed.remove(&turn.ticket);
        }
    }

    /// Stops a command that will not be sent from blocking the commands behind it.
    pub(crate) fn pass(&mut self, turn: Turn) {
        self.queue(turn.lane).pass(turn.ticket);
    }

    /// Frees the memory if no command waits.
    pub(crate) fn shrink(&mut self) {
        let empty = |queue: &Queue| queue.waiting.is_empty() && queue.passed.is_empty();
        if self.lanes.as_deref().is_some_and(|lanes| lanes.iter().all(empty)) {
            self.lanes = None;
        }
    }

    /// Returns whether an earlier command in the lane waits for its turn.
    pub(crate) fn is_behind(&self, turn: Turn) -> bool {
        let lanes = self.lanes.as_deref();
        let first = lanes.and_then(|lanes| lanes[turn.lane as usize].waiting.first_key_value());
        first.is_some_and(|(first, _)| *first < turn.ticket)
    }

    /// Returns why the commands in a lane wait.
    pub(crate) fn refusal(&self, lane: Lane) -> Option<&SendErrorKind> {
        self.lanes.as_deref()?[lane as usize].refusal.as_ref()
    }

    /// Stores the reason why the first command in a lane was not sent.
    pub(crate) fn set_refusal(&mut self, lane: Lane, refusal: SendErrorKind) {
        self.queue(lane).refusal = Some(refusal);
    }

    /// Returns whether no command waits.
    pub(crate) const fn is_empty(&self) -> bool {
        self.lanes.is_none()
    }

    /// Offers the first `count` commands in each lane their turn, and passes their keys to `wake`. They keep
    /// their place until they have tried, or are passed over after `until`.
    pub(crate) fn offer(&mut self, count: usize, until: Instant, mut wake: impl FnMut(usize)) {
        for queue in self.lanes.iter_mut().flat_map(|lanes| lanes.iter_mut()) {
            for waiter in queue.waiting.values_mut().take(count) {
                if matches!(waiter.offer, Offer::No) {
                    waiter.offer = Offer::Until(until);
                }
                wake(waiter.key);
            }
        }
    }

    /// Returns when the next command is passed over if it does not take its turn. Only a command that blocks
    /// another is passed over.
    pub(crate) fn next_pass(&self) -> Option<Instant> {
        let lanes = self.lanes.as_deref()?;
        lanes.iter().filter_map(|queue| queue.holder()?.offer.until()).min()
    }

    /// Passes over commands that have not taken an offered turn.
    pub(crate) fn pass_over(&mut self, now: Instant) -> PassedOver {
        let mut passed = PassedOver::default();
        for queue in self.lanes.iter_mut().flat_map(|lanes| lanes.iter_mut()) {
            while let Some((&ticket, waiter)) = queue.waiting.first_key_value() {
                if queue.waiting.len() == 1 || !matches!(waiter.offer, Offer::Late(_)) {
                    break;
                }
                queue.pass(ticket);
                passed.any = true;
            }
            if queue.waiting.len() > 1 {
                passed.yields |= queue.mark_late(now);
            }
        }
        passed
    }

    fn queue(&mut self, lane: Lane) -> &mut Queue {
        &mut self.lanes.get_or_insert_default()[lane as usize]
    }
}

impl Queue {
    /// Returns the first command if others wait behind it.
    fn holder(&self) -> Option<&Waiter> {
        self.waiting.values().next().filter(|_| self.waiting.len() > 1)
    }

    fn pass(&mut self, ticket: u64) {
        if self.waiting.remove(&ticket).is_some() {
            self.passed.insert(ticket);
        }
    }

    /// Returns whether one of the first commands is late.
    fn mark_late(&mut self, now: Instant) -> bool {
        let mut any = false;
        for waiter in self.waiting.values_mut() {
            match waiter.offer {
                Offer::Until(until) if until <= now => waiter.offer = Offer::Late(until),
                _ => break,
            }
            any = true;
        }
        any
    }
}

impl Offer {
    const fn until(self) -> Option<Instant> {
        match self {
            Self::No => None,
            Self::Until(until) | Self::Late(until) => Some(until),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enqueue(turns: &mut Turns, key: usize) -> Turn {
        let turn = Turn { lane: Lane::InBand, ticket: turns.new_ticket() };
        turns.enqueue(turn, key);
        turn
    }

    fn offer(turns: &mut Turns, until: Instant) -> Vec<usize> {
        let mut keys = Vec::new();
        turns.offer(1, until, |key| keys.push(key));
        keys
    }

    #[test]
    fn a_late_command_is_passed_over_at_the_second_look_and_goes_first_when_it_comes_back() {
        let mut turns = Turns::default();
        let [first, second] = [0, 1].map(|key| enqueue(&mut turns, key));
        let until = Instant::now();
        assert!(turns.next_pass().is_none(), "nothing was offered");
        assert_eq!(offer(&mut turns, until), [0]);
        assert_eq!(turns.next_pass(), Some(until));
        let early = turns.pass_over(until - Duration::from_millis(1));
        assert!(!early.any && !early.yields);
        let late = turns.pass_over(until);
        assert!(!late.any && late.yields && turns.is_behind(second));
        let passed = turns.pass_over(until);
        assert!(passed.any && !passed.yields && !turns.is_behind(second));
        assert_eq!(offer(&mut turns, until), [1]);
        // The command was polled and got no slot.
        turns.leave(first);
        turns.enqueue(first, 0);
        assert!(turns.is_behind(second) && !turns.is_behind(first));
        assert!(turns.next_pass().is_none(), "it was not offered anything since");
        turns.leave(first);
        turns.leave(second);
        turns.shrink();
        assert!(turns.is_empty());
    }

    #[test]
    fn only_those_that_hold_up_others_are_passed_over() {
        let mut turns = Turns::default();
        let alone = enqueue(&mut turns, 0);
        let until = Instant::now();
        offer(&mut turns, until);
        for _ in 0..3 {
            let passed = turns.pass_over(until);
            assert!(!passed.any && !passed.yields);
        }
        assert!(turns.next_pass().is_none());
        let behind = enqueue(&mut turns, 1);
        assert_eq!(turns.next_pass(), Some(until));
        turns.pass_over(until);
        assert!(turns.pass_over(until).any);
        assert!(!turns.is_behind(behind) && !turns.is_behind(alone));
    }

    #[test]
    fn any_number_that_was_offered_turns_together_is_passed_over_together() {
        let mut turns = Turns::default();
        for key in 0..50 {
            enqueue(&mut turns, key);
        }
        let last = enqueue(&mut turns, 50);
        let until = Instant::now();
        turns.offer(usize::MAX, until, |_| ());
        turns.leave(last);
        turns.enqueue(last, 50);
        assert!(turns.pass_over(until).yields);
        assert!(turns.pass_over(until).any && !turns.is_behind(last));
    }
}
