//! The future that moves the bytes.

mod bytes;
mod clock;
mod dispatch;
mod progress;
mod readers;

use std::fmt;
use std::future::Future;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::CloseReason;
use qmp_proto::InputBuffer;

use crate::connection::Connection;
use crate::connection::deferred::Deferred;
use crate::writing::Outgoing;
use crate::{Runtime, Transport};
use progress::{Progress, Subscribers};

/// The number of reads after which a poll yields to other tasks.
const TURNS_A_POLL: usize = 16;
/// The number of bytes after which a poll yields. Decoding takes time, and a single-threaded runtime polls
/// a driver dozens of times before it returns to other tasks.
const BYTES_A_POLL: usize = 64 * 1024;
/// The number of bytes that are read from an agent before its connection is closed.
const LAST_READS: usize = 256;

/// The future that reads from the server, delivers replies and events, writes what callers could not
/// write immediately, and enforces deadlines.
///
/// A connection makes no progress unless its driver is polled, so spawn it. It completes with the close
/// reason when the connection has ended, which includes that the last [`Client`](crate::Client) was
/// dropped. Dropping the driver ends the connection, and pending futures fail.
#[must_use = "a connection does nothing unless its driver is polled"]
pub struct Driver {
    connection: Arc<Connection>,
    transport: Arc<dyn Transport>,
    input: InputBuffer,
    /// Output that callers could not write.
    outgoing: Outgoing,
    /// Nothing more is written.
    write_closed: bool,
    /// Futures that were dropped before they completed, and that the driver completes.
    deferred: Deferred,
    /// The number of bytes received.
    received: u64,
    progress: Progress,
    subscribers: Subscribers,
    /// The timer has expired, and what was due has not been handled yet.
    timer_expired: bool,
}

impl Driver {
    pub(crate) fn new(connection: Arc<Connection>, transport: Arc<dyn Transport>) -> Self {
        let longest = connection.lock().client.longest_message();
        Self {
            connection,
            transport,
            input: InputBuffer::new(longest),
            outgoing: Outgoing::new(),
            write_closed: false,
            deferred: Deferred::default(),
            received: 0,
            progress: Progress::default(),
            subscribers: Subscribers::KeepUp,
            timer_expired: false,
        }
    }
}

impl Driver {
    /// Spawns the driver as a task.
    pub(crate) fn spawn_on<R: Runtime>(self, runtime: &R) {
        if runtime.has_own_threads() {
            self.connection.lock().alarm.needs_no_watchdog();
        }
        runtime.spawn(self);
    }
}

impl Future for Driver {
    type Output = CloseReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CloseReason> {
        match self.drive(cx) {
            Ok(Next::Wait) => Poll::Pending,
            Ok(_) => {
                // Yield first: tasks whose replies arrived together send their next commands, which
                // then leave in one write.
                if self.progress.several {
                    self.connection.lock().writing.hold();
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Err(reason) => Poll::Ready(self.finish(reason)),
        }
    }
}

enum Next {
    /// More work may be ready immediately.
    Again,
    Yield,
    Wait,
}

impl Driver {
    fn drive(&mut self, cx: &mut Context<'_>) -> Result<Next, CloseReason> {
        self.progress = Progress::default();
        for _ in 0..TURNS_A_POLL {
            let next = match self.carry(cx)? {
                // The clock comes last: a reply that arrived in time counts, however late it is read.
                Next::Wait => self.look_at_clock(cx, true)?,
                next => next,
            };
            match next {
                Next::Again => {}
                Next::Wait if self.progress.several => return Ok(Next::Yield),
                next => return Ok(next),
            }
            if self.progress.read >= BYTES_A_POLL {
                break;
            }
        }
        self.look_at_clock(cx, false)?;
        Ok(Next::Yield)
    }

    /// Writes pending output, and reads once.
    fn carry(&mut self, cx: &mut Context<'_>) -> Result<Next, CloseReason> {
        let closing = self.look(cx)?;
        self.deferred.poll(&self.connection, cx);
        self.progress.uses_timer |= !self.deferred.is_empty();
        self.write(cx)?;
        if closing {
            self.finish_closing(cx)?;
        }
        match self.waits_for_readers(cx) {
            true => Ok(Next::Wait),
            false => self.read(cx),
        }
    }

    /// Closes the write side once all output is written and all replies have arrived, and the whole
    /// connection unless the server still needs time to read.
    fn finish_closing(&mut self, cx: &mut Context<'_>) -> Result<(), CloseReason> {
        let written = self.outgoing.is_done() && self.deferred.is_empty();
        if !written || !self.connection.lock().has_finished() {
            return Ok(());
        }
        if !self.write_closed {
            if self.transport.poll_close(cx).is_pending() {
                return Ok(());
            }
            self.transport.shutdown(Shutdown::Write);
            self.write_closed = true;
        }
        let agent = self.connection.settings.agent;
        if !self.connection.lock().linger(agent) {
            return Err(CloseReason::ByUs);
        }
        self.progress.uses_timer = true;
        Ok(())
    }

    /// Takes over deferred futures and output, and returns whether the connection is closing. Every later
    /// change wakes the driver.
    fn look(&mut self, cx: &Context<'_>) -> Result<bool, CloseReason> {
        let watched = self.connection.common.wire.is_watched();
        let mut stale = None;
        let mut machine = self.connection.lock();
        if !machine.driver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            // Wakers are cloned and dropped with the lock released.
            drop(machine);
            let waker = cx.waker().clone();
            machine = self.connection.lock();
            stale = machine.driver.replace(waker);
        }
        machine.watch_wire(watched);
        machine.writing.hand_over(&mut self.outgoing);
        self.deferred.take_over(&mut machine);
        self.progress.uses_timer = machine.uses_timer();
        let stand = match &machine.lifecycle.ended {
            Some(reason) => Err(reason.clone()),
            None => Ok(machine.lifecycle.closing.is_some()),
        };
        drop(machine);
        drop(stale);
        stand
    }

    fn finish(&mut self, reason: CloseReason) -> CloseReason {
        // An agent on a unix socket exits if a client closes with unread input.
        if self.connection.settings.agent {
            let mut cx = Context::from_waker(Waker::noop());
            let mut room = [0; 4096];
            for _ in 0..LAST_READS {
                match self.transport.poll_read(&mut cx, &mut room) {
                    Poll::Ready(Ok(1..)) => {}
                    _ => break,
                }
            }
        }
        self.connection.end(reason.clone());
        self.deferred.finish(&self.connection);
        let ended = self.connection.lock().lifecycle.ended.clone();
        ended.unwrap_or(reason)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.connection.end(CloseReason::ByUs);
        Deferred::discard(&self.connection);
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("peer", &self.connection.peer)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}
