//! The waits of a connection: for replies, for turns, for deadlines, for changes of state.

use std::collections::BTreeSet;
use std::task::Waker;
use std::time::Instant;

use qmp_proto::{NoReplyReason, RequestId};
use slab::Slab;

use crate::client::response::Completed;
use crate::connection::turns::{Turn, Turns};

/// The initial capacity of the waits.
const FEW: usize = 4;

/// Everything that waits on a connection, under its lock.
///
/// Wakers are cloned before and woken or dropped after the lock is held, because each of these may run
/// user code.
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
    /// The deadline has passed, and no reply arrived before it.
    expired: Option<Keeper>,
    pub(crate) awaited: Awaited,
}

/// Which part noticed that a deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeper {
    Driver,
    /// The driver was not polled in time.
    Watchdog,
}

#[derive(Debug)]
pub(crate) enum Awaited {
    /// Only the deadline.
    Deadline,
    /// A change of the connection's state.
    State,
    /// A turn to send.
    Turn(Turn),
    Answer(RequestId),
    /// Nothing: the wait has ended.
    Settled(CommandOutcome),
}

/// The outcome of a command that was sent.
#[derive(Debug)]
pub(crate) enum CommandOutcome {
    Reply(Completed),
    None(NoReplyReason),
}

impl Waits {
    /// The key that the next [`insert`](Self::insert) returns.
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
            // Most connections have one wait at a time, and there are many idle connections.
            self.waits.reserve_exact(1);
        }
        let key = self.waits.insert(Wait { waker: Some(waker), deadline, expired: None, awaited });
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, key));
        }
        self.enqueue(key);
        key
    }

    /// Removes a wait. The caller offers the turn to the next command.
    pub(crate) fn remove(&mut self, key: usize) -> Option<Wait> {
        self.leave_queue(key);
        self.turns.shrink();
        let wait = self.waits.try_remove(key)?;
        if self.waits.is_empty() && matches!(wait.awaited, Awaited::State) {
            // After the handshake, many connections are idle.
            self.waits = Slab::new();
        }
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

    /// Returns whether the stored waker wakes the given task.
    pub(crate) fn wakes(&self, key: usize, waker: &Waker) -> bool {
        let known = self.waits.get(key).and_then(|wait| wait.waker.as_ref());
        known.is_some_and(|known| known.will_wake(waker))
    }

    /// Replaces the waker, and returns the previous one to be dropped.
    pub(crate) fn renew(&mut self, key: usize, waker: Waker) -> Option<Waker> {
        match self.waits.get_mut(key) {
            Some(wait) => wait.waker.replace(waker),
            None => Some(waker),
        }
    }

    /// Delivers an outcome to the wait with this key, if it still waits for this request: the key may have been
    /// reused.
    pub(crate) fn settle(
        &mut self,
        key: usize,
        request: RequestId,
        answer: CommandOutcome,
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

    /// Returns whether the deadline of a wait has been found to be past.
    pub(crate) fn is_expired(&self, key: usize) -> bool {
        self.expired(key).is_some()
    }

    /// Returns which part noticed that the deadline of a wait has passed.
    pub(crate) fn expired(&self, key: usize) -> Option<Keeper> {
        self.waits.get(key)?.expired
    }

    /// Ends the waits whose deadline has passed and whose reply has not arrived. Returns whether one of them
    /// gave up its turn to send.
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

    /// Wakes the tasks that wait for a change of state.
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
