//! The state under the lock of a connection to a client.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use crate::server::CloseReason;
use qmp_proto::server::{Command, Phase, Server, Ticket};
use qmp_proto::{Output, OutputBuffer};
use slab::Slab;

use crate::Transport;
use crate::server::connection::settings::Settings;
use crate::transport::Descriptor;
use crate::waking::wake_all;
use crate::writing::WriteHalf;

#[cfg(unix)]
type ReceivedFds = qmp_sockets::ReceivedFds;
#[cfg(not(unix))]
type ReceivedFds = ();

/// Above this much unsent output, nothing is read from the client.
const ENOUGH_UNSENT: usize = 1024 * 1024;

/// The protocol state of the server, its output, and the wakers of those that wait.
///
/// No user code runs while this is locked: no waker is cloned, woken or dropped, and nothing is
/// serialized. Such work is deferred to an [`AfterUnlock`].
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) server: Server,
    pub(crate) writing: WriteHalf,
    /// How many bytes of events were appended since the output was last empty.
    event_bytes: usize,
    /// `None` after the connection has ended.
    pub(crate) transport: Option<Arc<dyn Transport>>,
    /// Commands that were not received by the user yet.
    pub(crate) queue: VecDeque<Queued>,
    pub(crate) arrivals: ReceivedFds,
    /// The waker of the driver; `None` after it was woken, until it is polled again.
    pub(crate) driver: Option<Waker>,
    /// Whether the driver reads nothing until a command is answered.
    pub(crate) paused: bool,
    pub(crate) receiver: Option<Waker>,
    pub(crate) watchers: Slab<Waker>,
    /// The client has closed its write half.
    pub(crate) input_ended: bool,
    /// No more commands are accepted.
    pub(crate) closing: bool,
    /// Set once, as the last change.
    pub(crate) ended: Option<CloseReason>,
    unsent_limit: usize,
}

/// A command, and the right to answer it.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) command: Command<'static>,
    pub(crate) ticket: Ticket,
    /// How many bytes of the stream had been received at its end.
    pub(crate) end: u64,
}

/// Work that is deferred until the lock is released.
#[derive(Debug, Default)]
pub(crate) struct AfterUnlock {
    pub(crate) wakers: Vec<Waker>,
    pub(crate) stale: Option<Waker>,
    transport: Option<Arc<dyn Transport>>,
    queue: VecDeque<Queued>,
    arrivals: ReceivedFds,
}

impl AfterUnlock {
    pub(crate) fn run(mut self) {
        wake_all(self.wakers.drain(..));
    }
}

impl Machine {
    pub(crate) fn new(
        server: Server,
        output: Output<Descriptor>,
        settings: &Settings,
        transport: Arc<dyn Transport>,
    ) -> Self {
        Self {
            server,
            writing: WriteHalf::new(output),
            event_bytes: 0,
            transport: Some(transport),
            queue: VecDeque::new(),
            arrivals: ReceivedFds::default(),
            driver: None,
            paused: false,
            receiver: None,
            watchers: Slab::new(),
            input_ended: false,
            closing: false,
            ended: None,
            unsent_limit: settings.unsent_limit,
        }
    }

    /// Returns how many bytes have not been written.
    pub(crate) fn unsent(&self) -> usize {
        self.writing.unsent()
    }

    /// Returns whether the client has negotiated capabilities, if it needs to.
    pub(crate) fn is_ready(&self) -> bool {
        self.server.phase() == Phase::Ready
    }

    /// Returns whether to read from the client, or to process what was read.
    pub(crate) fn wants_input(&self) -> bool {
        !self.closing
            && !self.input_ended
            && self.server.wants_input()
            && self.unsent() <= ENOUGH_UNSENT
    }

    /// Returns whether the stream supports deadlines.
    pub(crate) fn has_deadlines(&self) -> bool {
        self.transport.as_ref().is_none_or(|transport| transport.has_deadlines())
    }

    /// Returns whether there will be no more output.
    pub(crate) fn has_spoken(&self) -> bool {
        (self.closing || self.input_ended) && self.queue.is_empty() && self.server.in_flight() == 0
    }

    /// Answers a command, or ends it without an answer.
    pub(crate) fn settle<R>(
        &mut self,
        after: &mut AfterUnlock,
        settle: impl FnOnce(&mut Server, &mut Output<Descriptor>) -> R,
    ) -> R {
        let settled = settle(&mut self.server, &mut self.writing.output);
        self.try_write(after);
        if self.paused || self.closing || self.input_ended {
            self.wake_driver(after);
        }
        settled
    }

    /// Appends an event to the output. Closes the connection of a client that lets too many events
    /// accumulate.
    pub(crate) fn emit<R>(
        &mut self,
        after: &mut AfterUnlock,
        emit: impl FnOnce(&mut Server, &mut Output<Descriptor>) -> R,
    ) -> R {
        if self.unsent() == 0 {
            self.event_bytes = 0;
        }
        let before = self.writing.output.length();
        let emitted = emit(&mut self.server, &mut self.writing.output);
        self.event_bytes += self.writing.output.length() - before;
        self.try_write(after);
        // Long replies that are buffered do not count: only events are limited, because the client
        // did not ask for them.
        let unsent = self.unsent();
        if unsent.min(self.event_bytes) > self.unsent_limit {
            self.end(CloseReason::NotReading { unsent }, after);
        }
        emitted
    }

    /// Writes as much as possible without blocking, and wakes the driver for the rest.
    fn try_write(&mut self, after: &mut AfterUnlock) {
        let transport = self.transport.as_deref();
        if self.writing.try_write(transport, &mut None) {
            self.wake_driver(after);
        }
    }

    pub(crate) fn wake_driver(&mut self, after: &mut AfterUnlock) {
        after.wakers.extend(self.driver.take());
    }

    pub(crate) fn wake_receiver(&mut self, after: &mut AfterUnlock) {
        after.wakers.extend(self.receiver.take());
    }

    pub(crate) fn wake_watchers(&mut self, after: &mut AfterUnlock) {
        after.wakers.extend(self.watchers.drain());
    }

    /// Accepts no more commands. Those that were received are still answered.
    pub(crate) fn close(&mut self, after: &mut AfterUnlock) {
        self.closing = true;
        self.wake_receiver(after);
        self.wake_driver(after);
    }

    /// Ends the connection, unless it has already ended, and wakes everything that waits. Returns
    /// whether this call ended it.
    ///
    /// Commands that were not received by the user are not executed, because they could not be
    /// answered.
    pub(crate) fn end(&mut self, reason: CloseReason, after: &mut AfterUnlock) -> bool {
        if self.ended.is_some() {
            return false;
        }
        self.ended = Some(reason);
        drop(self.writing.close());
        self.wake_receiver(after);
        self.wake_driver(after);
        self.wake_watchers(after);
        after.transport = self.transport.take();
        after.queue = std::mem::take(&mut self.queue);
        after.arrivals = std::mem::take(&mut self.arrivals);
        true
    }
}
