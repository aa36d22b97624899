//! The state under the lock of a connection to a server.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use crate::CloseReason;
use qmp_proto::Direction;
use qmp_proto::{Client, Output, OutputBuffer, OwnedFailure, Phase};

use crate::Transport;
use crate::connection::alarm::Alarm;
use crate::connection::handover::Handover;
use crate::connection::lifecycle::{AGENT_LINGERS, Failed, Handshake, Lifecycle};
use crate::connection::turns::TIME_TO_TAKE;
use crate::connection::waits::{CommandOutcome, Wait, Waits};
use crate::connection::wire::Seen;
use crate::transport::Descriptor;
use crate::waking::wake_all;
use crate::writing::WriteHalf;

/// The protocol state of the client, its output, and the waits.
///
/// No user code runs while this is locked: no waker is cloned, woken or dropped, no predicate runs,
/// and nothing is serialized. Such work is deferred to an [`AfterUnlock`].
pub(crate) struct Machine {
    pub(crate) client: Client<usize>,
    pub(crate) writing: WriteHalf,
    pub(crate) waits: Waits,
    pub(crate) lifecycle: Lifecycle,
    /// `None` once the connection has ended.
    pub(crate) transport: Option<Arc<dyn Transport>>,
    /// The waker of the driver; `None` after it was woken, until it is polled again.
    pub(crate) driver: Option<Waker>,
    pub(crate) alarm: Alarm,
    pub(crate) handover: Handover,
    /// The time until which the driver reads nothing, because a subscriber is slow.
    pub(crate) paused_until: Option<Instant>,
    /// Messages that the hook for the wire has not been called with yet; `None` without a hook.
    pub(crate) unseen: Option<Box<Seen>>,
}

/// Work that is deferred until the lock is released.
#[derive(Debug, Default)]
pub(crate) struct AfterUnlock {
    pub(crate) driver: Option<Waker>,
    pub(crate) wakers: Vec<Waker>,
    pub(crate) stale: Option<Waker>,
    pub(crate) leaving: Option<Wait>,
    pub(crate) descriptor: Option<Descriptor>,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    /// The time at which the watchdog checks the connection.
    pub(crate) look_after: Option<Instant>,
}

impl AfterUnlock {
    /// Wakes the tasks, and drops the rest. This closes a descriptor that was sent: the server has its own
    /// copy.
    pub(crate) fn run(self) {
        wake_all(self.wakers.into_iter().chain(self.driver));
    }
}

impl Machine {
    pub(crate) fn new(
        client: Client<usize>,
        transport: Arc<dyn Transport>,
        handshake: Option<Handshake>,
    ) -> Self {
        Self {
            client,
            writing: WriteHalf::new(Output::new()),
            waits: Waits::default(),
            lifecycle: Lifecycle { handshake: handshake.map(Box::new), ..Lifecycle::default() },
            transport: Some(transport),
            driver: None,
            alarm: Alarm::default(),
            handover: Handover::default(),
            paused_until: None,
            unseen: None,
        }
    }

    /// Lets the client write to the output, and records it for the hook that observes the wire.
    pub(crate) fn with_output<R>(
        &mut self,
        write: impl FnOnce(&mut Client<usize>, &mut Output<Descriptor>) -> R,
    ) -> R {
        let before = self.writing.output.length();
        let result = write(&mut self.client, &mut self.writing.output);
        if let Some(unseen) = &mut self.unseen {
            let appended = self.writing.output.appended_since(before);
            if !appended.is_empty() {
                unseen.push_back((Direction::Sent, appended.to_vec()));
            }
        }
        result
    }

    /// Starts or stops recording messages for the hook that observes the wire.
    pub(crate) fn watch_wire(&mut self, watched: bool) {
        match (&self.unseen, watched) {
            (None, true) => self.unseen = Some(Box::default()),
            (Some(unseen), false) if unseen.is_empty() => self.unseen = None,
            _ => {}
        }
    }

    pub(crate) fn has_unseen(&self) -> bool {
        self.unseen.as_ref().is_some_and(|unseen| !unseen.is_empty())
    }

    /// Returns the time of the transport's clock.
    pub(crate) fn now(&self) -> Instant {
        match &self.transport {
            Some(transport) => transport.now(),
            None => Instant::now(),
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.client.phase() == Phase::Ready
    }

    /// Returns the error that a monitor sent in place of its greeting.
    pub(crate) fn error_before_greeting(&self) -> Option<&OwnedFailure> {
        match self.lifecycle.failed.as_deref() {
            Some(Failed::Refused(failure)) if self.client.phase() == Phase::Greeting => {
                Some(failure)
            }
            _ => None,
        }
    }

    /// Writes as much as possible without blocking, and wakes the driver for the rest.
    pub(crate) fn try_write(&mut self, after: &mut AfterUnlock) {
        // A reply is about to arrive, so the driver has to read again.
        if self.paused_until.is_some() {
            self.wake_driver(after);
        }
        let transport = self.transport.as_deref();
        if self.writing.try_write(transport, &mut after.descriptor) {
            self.wake_driver(after);
        }
    }

    /// This many slots may be free.
    pub(crate) fn offer(&mut self, count: usize, after: &mut AfterUnlock) {
        if self.waits.turns.is_empty() {
            return;
        }
        let now = self.now();
        let until = match &self.transport {
            Some(transport) if transport.has_deadlines() => now + TIME_TO_TAKE,
            // The clock stands still.
            _ => now,
        };
        self.waits.offer(count, until, &mut after.wakers);
        self.arm(self.waits.turns.next_pass(), after);
    }

    pub(crate) fn wake_driver(&mut self, after: &mut AfterUnlock) {
        if let Some(driver) = self.driver.take() {
            after.driver = Some(driver);
        }
    }

    /// The handshake is over.
    pub(crate) fn finish_handshake(&mut self, failed: Option<Failed>, after: &mut AfterUnlock) {
        self.lifecycle.handshake = None;
        self.lifecycle.failed = failed.map(Box::new);
        self.waits.wake_watchers(&mut after.wakers);
        self.offer(usize::MAX, after);
    }

    /// Ends the connection: all who wait are told.
    pub(crate) fn end(&mut self, reason: CloseReason, after: &mut AfterUnlock) {
        for lost in self.client.drain() {
            let answer = CommandOutcome::None(lost.reason);
            self.waits.settle(lost.token, lost.request, answer, &mut after.wakers);
        }
        after.descriptor = self.writing.close().or_else(|| after.descriptor.take());
        self.lifecycle.ended.get_or_insert(reason);
        self.lifecycle.handshake = None;
        self.waits.wake_all(&mut after.wakers);
        self.wake_driver(after);
        after.transport = self.transport.take();
    }

    /// Whether closing has nothing left to wait for but the driver's own.
    pub(crate) fn has_finished(&self) -> bool {
        let Some(closing) = self.lifecycle.closing else {
            return false;
        };
        self.writing.output.is_empty()
            && self.handover.is_empty()
            && (!closing.answers || self.client.in_flight() == 0)
    }

    /// Gives the server time to read all output before the connection is closed. Returns `false` if that is
    /// not needed.
    ///
    /// QEMU drops unread input when its client closes, and an agent on a unix socket exits if a client
    /// closes with unread input.
    pub(crate) fn linger(&mut self, agent: bool) -> bool {
        let lingers = agent || self.client.in_flight() > 0;
        let now = self.now();
        if let Some(closing) = self.lifecycle.closing.as_mut().filter(|it| lingers && !it.lingers) {
            closing.lingers = true;
            if agent {
                let limit = now.checked_add(AGENT_LINGERS);
                closing.deadline = [closing.deadline, limit].into_iter().flatten().min();
            }
        }
        lingers
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("client", &self.client)
            .field("lifecycle", &self.lifecycle)
            .finish_non_exhaustive()
    }
}
