//! The future that moves the bytes.

mod bytes;
mod clock;
mod dispatch;
mod readers;
mod state;

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
use state::{Clock, Progress};

/// How many times one poll reads before other tasks get their turn.
const TURNS_A_POLL: usize = 16;
/// After how many bytes they get it, too: to understand them takes its time, and a runtime of one thread
/// polls a driver dozens of times between its other duties.
const BYTES_A_POLL: usize = 64 * 1024;
/// How much of what an agent still says is read before we leave.
const LAST_READS: usize = 256;

/// Reads what the server sends, hands it out, writes what callers could not write at once, and
/// watches the clock.
///
/// Nothing happens on a connection while nobody polls this: spawn it. It is done when the
/// connection is over, and says why; that is so, too, when the last [`Client`](crate::Client) was
/// dropped. Dropping it ends the connection; whoever waits is told.
#[must_use = "a connection does nothing unless its driver is polled"]
pub struct Driver {
    connection: Arc<Connection>,
    transport: Arc<dyn Transport>,
    input: InputBuffer,
    /// What callers could not write.
    outgoing: Outgoing,
    /// Nothing more is written.
    write_closed: bool,
    /// Futures that are completed for those who dropped them.
    deferred: Deferred,
    /// How many bytes were received.
    received: u64,
    progress: Progress,
    /// A reader of events is nearly too slow.
    crowded: bool,
    clock: Clock,
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
            crowded: false,
            clock: Clock::new(),
        }
    }
}

impl Driver {
    /// Runs it in a task of its own.
    pub(crate) fn spawn_on<R: Runtime>(self, runtime: &R) {
        self.connection.lock().always_driven = runtime.has_own_threads();
        runtime.spawn(self);
    }
}

impl Future for Driver {
    type Output = CloseReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CloseReason> {
        match self.drive(cx) {
            Ok(Next::Wait) => Poll::Pending,
            Ok(_) => {
                // Others have their turn first. Those who were answered together send their next
                // commands now, and these leave in one write.
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
    /// There may be more to do at once.
    Again,
    Yield,
    Wait,
}

impl Driver {
    fn drive(&mut self, cx: &mut Context<'_>) -> Result<Next, CloseReason> {
        self.progress = Progress::default();
        for _ in 0..TURNS_A_POLL {
            let next = match self.carry(cx)? {
                // The clock comes last: what arrived in time counts, however late we look at it.
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

    /// Writes what there is to write, and reads once.
    fn carry(&mut self, cx: &mut Context<'_>) -> Result<Next, CloseReason> {
        let closing = self.look(cx)?;
        self.deferred.poll(&self.connection, cx);
        self.clock.is_wanted |= !self.deferred.is_empty();
        self.write(cx)?;
        if closing {
            self.finish_closing(cx)?;
        }
        match self.waits_for_readers(cx) {
            true => Ok(Next::Wait),
            false => self.read(cx),
        }
    }

    /// Closes our end once everything is written and awaited, and the whole connection unless the
    /// server is given time to read it.
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
        self.clock.is_wanted = true;
        Ok(())
    }

    /// Takes over what others left to us, and says whether we are closing. Whatever changes from here
    /// on wakes the driver.
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
        machine.watched = watched;
        machine.writing.hand_over(&mut self.outgoing);
        self.deferred.take_over(&mut machine);
        self.clock.is_wanted = machine.armed.is_some() || machine.next_deadline().is_some();
        let stand = match &machine.lifecycle.ended {
            Some(reason) => Err(reason.clone()),
            None => Ok(machine.lifecycle.closing.is_some()),
        };
        drop(machine);
        drop(stale);
        stand
    }

    fn finish(&mut self, reason: CloseReason) -> CloseReason {
        // An agent on a unix socket exits when a client leaves something unread.
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
