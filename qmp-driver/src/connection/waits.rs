//! Who waits for what: answers, turns, the clock, a change of state.

use std::collections::BTreeSet;
use std::task::Waker;
use std::time::Instant;

use qmp_proto::{NoReplyReason, RequestId};
use slab::Slab;

use crate::client::response::Completed;
use crate::connection::turns::{Turn, Turns};

/// As long as no more waited together, there is no room for more.
const FEW: usize = 4;

/// Everything that waits on a connection, under its lock.
///
/// Wakers come in cloned and go out to be woken or dropped: both may run code of the user's, and
/// that must not happen under the lock.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    waits: Slab<Wait>,
    deadlines: BTreeSet<(Instant, usize)>,
    pub(crate) turns: Turns,
}

#[derive(Debug)]
pub(crate) struct Wait {
    waker: Option<Waker>,
    deadline: Option<Instant>,
    /// The deadline has passed, and nothing came that was sent before.
    expired: Option<Keeper>,
    pub(crate) awaited: Awaited,
}

/// Who has found that a deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeper {
    Driver,
    /// The driver was not polled in time.
    Watchdog,
}

#[derive(Debug)]
pub(crate) enum Awaited {
    /// Nothing but the deadline.
    Deadline,
    /// A change of the connection's state.
    State,
    /// To be allowed to send.
    Turn(Turn),
    Answer(RequestId),
    /// Nothing any more.
    Settled(Answer),
}

/// What became of a command that was sent.
#[derive(Debug)]
pub(crate) enum Answer {
    Reply(Completed),
    None(NoReplyReason),
}

impl Waits {
    /// The key that the next [`insert`](Self::insert) will give.
    pub(crate) fn next_key(&self) -> usize {
        self.waits.vacant_key()
    }

    pub(crate) fn insert(
        &mut self,
        awaited: Awaited,
        deadline: Option<Instant>,
        waker: Waker,
    ) -> usize {
        if self.waits.len() == self.waits.capacity() && self.waits.len() < FEW {
            // Most connections have one at a time, and idle ones are many.
            self.waits.reserve_exact(1);
        }
        let key = self.waits.insert(Wait { waker: Some(waker), deadline, expired: None, awaited });
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, key));
        }
        self.enqueue(key);
        key
    }

    /// Takes a wait out. Whose turn it is next is up to the caller.
    pub(crate) fn remove(&mut self, key: usize) -> Option<Wait> {
        self.leave_queue(key);
        self.turns.shrink();
        let wait = self.waits.try_remove(key)?;
        if let Some(deadline) = wait.deadline {
            self.forget_deadline(deadline, key);
        }
        Some(wait)
    }

    pub(crate) fn awaited(&self, key: usize) -> Option<&Awaited> {
        self.waits.get(key).map(|wait| &wait.awaited)
    }

    pub(crate) fn change(&mut self, key: usize, awaited: Awaited) {
        self.leave_queue(key);
        if let Some(wait) = self.waits.get_mut(key) {
            wait.awaited = awaited;
        }
        self.enqueue(key);
        self.turns.shrink();
    }

    /// Whether this task would be woken.
    pub(crate) fn wakes(&self, key: usize, waker: &Waker) -> bool {
        let known = self.waits.get(key).and_then(|wait| wait.waker.as_ref());
        known.is_some_and(|known| known.will_wake(waker))
    }

    /// Puts a waker in the place of the last, which is to be dropped.
    pub(crate) fn renew(&mut self, key: usize, waker: Waker) -> Option<Waker> {
        match self.waits.get_mut(key) {
            Some(wait) => wait.waker.replace(waker),
            None => Some(waker),
        }
    }

    /// Hands an answer to whoever waits for it, if anybody still does: a key may have been given
    /// to somebody else since.
    pub(crate) fn settle(
        &mut self,
        key: usize,
        request: RequestId,
        answer: Answer,
        wakers: &mut Vec<Waker>,
    ) {
        let Some(wait) = self.waits.get_mut(key) else {
            return;
        };
        if matches!(wait.awaited, Awaited::Answer(awaited) if awaited == request) {
            wait.awaited = Awaited::Settled(answer);
            wakers.extend(wait.waker.take());
        }
    }

    pub(crate) fn first_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Whether the deadline of a wait was found to have passed.
    pub(crate) fn is_expired(&self, key: usize) -> bool {
        self.expired(key).is_some()
    }

    /// Who has found that the deadline of a wait passed.
    pub(crate) fn expired(&self, key: usize) -> Option<Keeper> {
        self.waits.get(key)?.expired
    }

    /// Ends the waits whose deadline has passed, unless what they wait for has come. Returns whether a
    /// command among them gave up its turn.
    pub(crate) fn expire(&mut self, now: Instant, keeper: Keeper, wakers: &mut Vec<Waker>) -> bool {
        let mut turns = false;
        while let Some(&(deadline, key)) = self.deadlines.first() {
            if deadline > now {
                break;
            }
            self.forget_deadline(deadline, key);
            if let Some(wait) = self.waits.get_mut(key) {
                wait.expired = Some(keeper);
                wakers.extend(wait.waker.take());
                if let Awaited::Turn(turn) = wait.awaited {
                    self.turns.pass(turn);
                    turns = true;
                }
            }
        }
        turns
    }

    /// Offers the first `count` in each lane their turn.
    pub(crate) fn offer(&mut self, count: usize, until: Instant, wakers: &mut Vec<Waker>) {
        let Self { waits, turns, .. } = self;
        turns.offer(count, until, |key| {
            wakers.extend(waits.get_mut(key).and_then(|wait| wait.waker.take()));
        });
    }

    /// Wakes whoever waits for a change of state.
    pub(crate) fn wake_watchers(&mut self, wakers: &mut Vec<Waker>) {
        let watchers =
            self.waits.iter_mut().filter(|(_, wait)| matches!(wait.awaited, Awaited::State));
        wakers.extend(watchers.filter_map(|(_, wait)| wait.waker.take()));
    }

    pub(crate) fn wake_all(&mut self, wakers: &mut Vec<Waker>) {
        wakers.extend(self.waits.iter_mut().filter_map(|(_, wait)| wait.waker.take()));
    }

    pub(crate) fn len(&self) -> usize {
        self.waits.len()
    }

    fn forget_deadline(&mut self, deadline: Instant, key: usize) {
        self.deadlines.remove(&(deadline, key));
        if self.deadlines.is_empty() {
            // An empty set keeps a node.
            self.deadlines = BTreeSet::new();
        }
    }

    fn enqueue(&mut self, key: usize) {
        if let Some(&Awaited::Turn(turn)) = self.awaited(key) {
            self.turns.enqueue(turn, key);
        }
    }

    fn leave_queue(&mut self, key: usize) {
        if let Some(&Awaited::Turn(turn)) = self.awaited(key) {
            self.turns.leave(turn);
        }
    }
}
