//! The driver of a connection to a client.

mod take;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::server::CloseReason;
use qmp_proto::InputBuffer;

use self::take::{Taken, take};
use crate::Transport;
use crate::server::connection::Connection;
use crate::transport::{Descriptor, is_end};
use crate::writing::Outgoing;

/// How many times one poll reads before it yields to other tasks.
const TURNS_A_POLL: usize = 16;
/// How many bytes one poll reads before it yields: parsing them takes time, and a runtime with one
/// thread polls a driver dozens of times in a row.
const BYTES_A_POLL: usize = 64 * 1024;
/// How many reads of unread input are made before the connection is closed.
const LAST_READS: usize = 256;

/// Reads and queues the client's commands, and writes what other tasks could not write.
///
/// Nothing happens on a connection unless its driver is polled: spawn it. It completes when the
/// connection has ended, and returns the reason, even if the [`ClientConnection`](crate::server::ClientConnection)
/// were dropped. Dropping it ends the connection.
#[must_use = "a connection does nothing unless its driver is polled"]
pub struct Driver {
    connection: Arc<Connection>,
    transport: Arc<dyn Transport>,
    input: InputBuffer,
    /// How many bytes were read.
    read: u64,
    /// Whether the input contains no complete message.
    starved: bool,
    /// Output that other tasks could not write.
    outgoing: Outgoing,
    manners: Policy,
    /// When to stop waiting for a client that reads nothing while the connection is closed, and how
    /// much output there was when this was set.
    give_up: Option<(usize, Option<Instant>)>,
}

/// The policy for a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// Whether to close the connection of a client that sends something that is not JSON.
    pub(crate) garbage_ends: bool,
    /// How long closing waits while the client reads nothing.
    pub(crate) close_timeout: Duration,
}

enum Next {
    /// There may be more to do immediately.
    Again,
    Wait,
}

/// The state of the connection after writing as much as possible.
enum Stand {
    Open {
        wants_input: bool,
    },
    /// There will be no more output, but not everything was written.
    Flushing,
    Finished(CloseReason),
}

impl Driver {
    pub(crate) fn new(
        connection: Arc<Connection>,
        transport: Arc<dyn Transport>,
        manners: Policy,
    ) -> Self {
        let longest = connection.lock().server.longest_message();
        Self {
            connection,
            transport,
            input: InputBuffer::new(longest),
            read: 0,
            starved: true,
            outgoing: Outgoing::new(),
            manners,
            give_up: None,
        }
    }
}

impl Future for Driver {
    type Output = CloseReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CloseReason> {
        let before = self.read;
        for _ in 0..TURNS_A_POLL {
            match self.carry(cx) {
                Ok(Next::Again) if self.read - before >= BYTES_A_POLL as u64 && self.starved => {
                    break;
                }
                Ok(Next::Again) => {}
                Ok(Next::Wait) => return Poll::Pending,
                Err(reason) => return Poll::Ready(self.finish(reason)),
            }
        }
        // Other tasks run first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Driver {
    /// Writes as much as possible, and reads or processes input once.
    fn carry(&mut self, cx: &mut Context<'_>) -> Result<Next, CloseReason> {
        let waker = cx.waker().clone();
        let outgoing = &mut self.outgoing;
        self.connection.with(|machine, after| {
            after.stale = machine.driver.replace(waker);
            if let Some(reason) = &machine.ended {
                return Err(reason.clone());
            }
            machine.writing.hand_over(outgoing);
            Ok(())
        })?;
        self.write(cx)?;
        match self.stand() {
            Stand::Finished(reason) => match self.transport.poll_close(cx) {
                Poll::Ready(_) => Err(reason),
                Poll::Pending => self.wait_for_reader(cx),
            },
            Stand::Flushing => self.wait_for_reader(cx),
            Stand::Open { wants_input: false } => Ok(Next::Wait),
            Stand::Open { wants_input: true } if self.starved => self.read(cx),
            Stand::Open { wants_input: true } => self.take(),
        }
    }

    fn stand(&self) -> Stand {
        let mut machine = self.connection.lock();
        machine.writing.leaving = self.outgoing.unsent();
        let wants_input = machine.wants_input();
        machine.paused = !wants_input;
        if !machine.has_spoken() {
            return Stand::Open { wants_input };
        }
        if machine.unsent() > 0 || !self.outgoing.is_done() {
            return Stand::Flushing;
        }
        Stand::Finished(if machine.closing { CloseReason::ByUs } else { CloseReason::ByClient })
    }

    /// Waits for the client to read the last output. The deadline restarts whenever the client
    /// reads.
    fn wait_for_reader(&mut self, cx: &mut Context<'_>) -> Result<Next, CloseReason> {
        let unsent = self.connection.lock().unsent();
        let deadline = match self.give_up {
            Some((before, deadline)) if before == unsent => deadline,
            _ => self.transport.now().checked_add(self.manners.close_timeout),
        };
        self.give_up = Some((unsent, deadline));
        let Some(deadline) = deadline else {
            return Ok(Next::Wait);
        };
        match self.transport.poll_until(cx, deadline) {
            Poll::Pending => Ok(Next::Wait),
            Poll::Ready(()) => Err(CloseReason::NotReading { unsent }),
        }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), CloseReason> {
        let Self { connection, transport, outgoing, .. } = self;
        let take_over = |outgoing: &mut Outgoing| connection.lock().writing.hand_over(outgoing);
        match outgoing.write(cx, &**transport, take_over) {
            Ok(true) => Ok(()),
            // Commands that the client sent before it closed its end are still executed.
            Ok(false) => {
                drop(connection.lock().writing.close());
                Ok(())
            }
            Err(error) => Err(CloseReason::Io(Arc::new(error))),
        }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<Next, CloseReason> {
        let read = match self.transport.poll_readable(cx) {
            Poll::Ready(Ok(())) => {
                self.transport.poll_read_with_descriptor(cx, self.input.spare_mut())
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        match read {
            Poll::Pending => {
                self.input.shrink();
                return Ok(Next::Wait);
            }
            Poll::Ready(Ok((0, _))) => self.end_input(),
            Poll::Ready(Ok((count, descriptor))) => {
                if let Some(descriptor) = descriptor {
                    self.keep(descriptor);
                }
                self.input.advance(count);
                self.read += count as u64;
                self.starved = false;
            }
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            // The peer's operating system resets the connection if the client has left data unread.
            Poll::Ready(Err(error)) if is_end(&error) => self.end_input(),
            Poll::Ready(Err(error)) => return Err(CloseReason::Io(Arc::new(error))),
        }
        Ok(Next::Again)
    }

    /// Stores a file descriptor for the command that it came with.
    #[cfg(unix)]
    fn keep(&self, descriptor: Descriptor) {
        let oldest = self.connection.lock().arrivals.push(self.read, descriptor);
        drop(oldest);
    }

    #[cfg(not(unix))]
    fn keep(&self, descriptor: Descriptor) {
        match descriptor {}
    }

    /// Handles the end of the client's commands. The client may still wait for replies.
    fn end_input(&self) {
        self.connection.with(|machine, after| {
            machine.input_ended = true;
            machine.wake_receiver(after);
        });
    }

    fn take(&mut self) -> Result<Next, CloseReason> {
        let input = self.input.unread();
        let place = self.read - input.len() as u64;
        let Taken { used, starved, end } =
            take(&self.connection, input, place, self.manners.garbage_ends);
        self.input.consume(used);
        self.starved = starved;
        match end {
            None => Ok(Next::Again),
            Some(reason) => Err(reason),
        }
    }

    fn finish(&mut self, reason: CloseReason) -> CloseReason {
        let mut cx = Context::from_waker(Waker::noop());
        // The client gets the error reply before the connection is closed, if possible.
        if matches!(reason, CloseReason::NotJson(_)) {
            self.connection.lock().writing.hand_over(&mut self.outgoing);
            let _ = self.write(&mut cx);
        }
        // Closing a connection with unread input resets it, and the client could lose output that
        // it has not read yet.
        let mut room = [0; 4096];
        for _ in 0..LAST_READS {
            match self.transport.poll_read(&mut cx, &mut room) {
                Poll::Ready(Ok(1..)) => {}
                _ => break,
            }
        }
        self.connection.end(reason.clone());
        let ended = self.connection.lock().ended.clone();
        ended.unwrap_or(reason)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.connection.end(CloseReason::ByUs);
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
