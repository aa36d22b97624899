//! Waiting on a thread that runs the driver itself.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::events::{Event, EventItem, PersistentItem};
use crate::{
    CloseReason, Error, ErrorKind, EventWait, Execute, PersistentSubscription, ResponseKind, State,
    Subscription, Untyped,
};

/// The driver runs in a spawned task, and futures are awaited.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spawned;

/// A thread that runs the driver of its connection while it waits. Implemented by the blocking
/// adapter; programs do not need it.
pub trait Caller {
    /// The stream of the connection.
    type Stream;

    /// Returns the stream of the current connection.
    fn stream(&self) -> Option<Arc<Self::Stream>>;

    /// Waits for a future of the connection.
    fn run<F: Future>(&self, future: F) -> F::Output;

    /// Waits for a future of the connection until `limit`.
    ///
    /// # Errors
    ///
    /// Returns an error at `limit`, or if the future cannot make progress while this thread waits.
    fn try_run<F: Future>(&self, future: F, limit: Option<Instant>) -> Result<F::Output, Stopped>;

    /// Reads and writes what can be read and written without blocking.
    fn run_now(&self);
}

impl<C: Caller> Caller for &C {
    type Stream = C::Stream;

    fn stream(&self) -> Option<Arc<C::Stream>> {
        (*self).stream()
    }

    fn run<F: Future>(&self, future: F) -> F::Output {
        (*self).run(future)
    }

    fn try_run<F: Future>(&self, future: F, limit: Option<Instant>) -> Result<F::Output, Stopped> {
        (*self).try_run(future, limit)
    }

    fn run_now(&self) {
        (*self).run_now();
    }
}

/// Why a wait ended without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// The time limit has passed.
    TimedOut,
    /// The future cannot make progress while this thread waits.
    Stuck,
}

impl<R: ResponseKind, X: Caller + Copy> Execute<R, X> {
    /// Sends the command and waits for its reply.
    ///
    /// # Errors
    ///
    /// Returns an error if the command cannot be sent, the server sends an error reply, the
    /// deadline passes, or the connection ends. [`Error::outcome`] states whether the command may
    /// have been executed.
    pub fn run(self) -> Result<R::Value, Error> {
        let caller = self.caller;
        caller.run(self.with_caller(Spawned))
    }

    /// Sends the command without waiting for its reply, so that several commands can be in flight.
    /// [Queued](Self::queue) commands are sent with it.
    ///
    /// At the in-flight limit (64 commands, or 7 in-band commands with out-of-band execution) it
    /// waits until one is answered.
    ///
    /// # Errors
    ///
    /// Returns an error if the command cannot be sent.
    pub fn send(self) -> Result<PendingReply<X, R>, Error> {
        self.client().release_output();
        self.submit()
    }

    fn submit(self) -> Result<PendingReply<X, R>, Error> {
        let caller = self.caller;
        let mut command = self.with_caller(Spawned);
        let sent = poll_fn(|cx| match Pin::new(&mut command).poll(cx) {
            Poll::Pending if command.is_queued() => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
        });
        let done = caller.run(sent).transpose()?;
        Ok(PendingReply { caller, command, done })
    }

    /// Queues the command, to be written together with others in one system call: with the next
    /// command that is sent, when the client waits for something, or when it is flushed.
    ///
    /// # Errors
    ///
    /// Returns an error if the command cannot be sent.
    pub fn queue(self) -> Result<PendingReply<X, R>, Error> {
        self.client().hold_output();
        self.submit()
    }
}

/// The pending reply to a command that was sent.
///
/// If it is dropped, the reply is discarded when it arrives. The command is not taken back.
#[must_use = "the answer is discarded unless it is received"]
pub struct PendingReply<X, R: ResponseKind = Untyped> {
    caller: X,
    command: Execute<R>,
    done: Option<R::Value>,
}

impl<X: Caller, R: ResponseKind> PendingReply<X, R> {
    /// Waits for the reply. Replies may be awaited in any order.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Execute::run`].
    pub fn recv(self) -> Result<R::Value, Error> {
        match self.done {
            Some(value) => Ok(value),
            None => self.caller.run(self.command),
        }
    }

    /// Returns the reply if it has arrived. Reads what is available without waiting. Also checks
    /// the deadline of the command.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Execute::run`].
    ///
    /// # Panics
    ///
    /// Panics if it has already returned a reply or an error.
    pub fn try_recv(&mut self) -> Result<Option<R::Value>, Error> {
        if let Some(value) = self.done.take() {
            return Ok(Some(value));
        }
        let mut cx = Context::from_waker(Waker::noop());
        for last in [false, true] {
            if let Poll::Ready(answer) = Pin::new(&mut self.command).poll(&mut cx) {
                return answer.map(Some);
            }
            if !last {
                self.caller.run_now();
            }
        }
        Ok(None)
    }
}

impl<X, R: ResponseKind> fmt::Debug for PendingReply<X, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingReply").field("command", &self.command).finish_non_exhaustive()
    }
}

impl<X: Caller + Copy> EventWait<'_, X> {
    /// Waits for the event.
    ///
    /// # Errors
    ///
    /// Returns an error if the deadline passes, if events were dropped before this wait could check
    /// them ([`ErrorKind::EventsLost`]), or if the connection has ended and no matching event is left.
    pub fn run(mut self) -> Result<Event, Error> {
        let caller = self.caller;
        caller.run(poll_fn(|cx| self.poll_event(cx)))
    }
}

impl<X: Caller> Subscription<X> {
    /// Waits for the next event, or for the number of events that were dropped because they were
    /// not read in time. Returns `None` after the connection has ended and everything was read.
    pub fn recv(&mut self) -> Option<EventItem> {
        let Self { reader, caller } = self;
        match reader.try_recv() {
            Some(item) => Some(item),
            None => caller.run(poll_fn(|cx| reader.poll_recv(cx))),
        }
    }

    /// Returns the next item if one has arrived. Reads what is available without waiting.
    pub fn try_recv(&mut self) -> Option<EventItem> {
        self.reader.try_recv().or_else(|| {
            self.caller.run_now();
            self.reader.try_recv()
        })
    }

    /// Waits for the next item, like [`recv`](Self::recv), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::NoEvent`] if nothing arrives in time, and [`ErrorKind::TimeoutsUnsupported`] if the
    /// stream does not support deadlines.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<EventItem>, Error> {
        let Self { reader, caller } = self;
        caller.run(reader.recv_timeout(timeout))
    }

    /// Returns all items that have arrived, without waiting.
    pub fn drain(&mut self) -> Vec<EventItem> {
        self.caller.run_now();
        self.reader.drain()
    }
}

impl<X: Caller> Iterator for Subscription<X> {
    type Item = EventItem;

    fn next(&mut self) -> Option<EventItem> {
        self.recv()
    }
}

impl<X: Caller> PersistentSubscription<X> {
    /// Waits for the next event, number of dropped events, or change of the connection.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Disconnected`] if the connection has ended and everything was read: there
    /// is nothing to wait for until the client reconnects.
    pub fn recv(&mut self) -> Result<PersistentItem, Error> {
        self.recv_until(None, None)
    }

    /// Waits for the next item, like [`recv`](Self::recv), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`recv`](Self::recv), [`ErrorKind::NoEvent`] if nothing arrives in time,
    /// and [`ErrorKind::TimeoutsUnsupported`] if the stream does not support deadlines.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<PersistentItem, Error> {
        self.refuse_deadline()?;
        self.recv_until(Some(timeout), Instant::now().checked_add(timeout))
    }

    pub(crate) fn refuse_deadline(&self) -> Result<(), Error> {
        let connection = self.reader.connection();
        connection.refuse_deadline().map_err(|cause| connection.error(cause))
    }

    /// Waits until `limit`. An error states that it has waited for `timeout`.
    pub(crate) fn recv_until(
        &mut self,
        timeout: Option<Duration>,
        limit: Option<Instant>,
    ) -> Result<PersistentItem, Error> {
        let Self { reader, caller } = self;
        let cause = match caller.try_run(poll_fn(|cx| reader.poll_recv(cx)), limit) {
            Ok(Some(item)) => return Ok(item),
            Err(Stopped::TimedOut) => {
                let waited = timeout.unwrap_or_default();
                ErrorKind::NoEvent { waited, names: reader.names() }
            }
            Ok(None) | Err(Stopped::Stuck) => {
                let state = State::of(&reader.connection().lock());
                let reason = match state {
                    State::Closed(reason) => reason,
                    _ => CloseReason::ByUs,
                };
                ErrorKind::Disconnected { reason, sent: false }
            }
        };
        Err(reader.connection().error(cause))
    }

    /// Returns the next item if one has arrived. Reads what is available without waiting.
    pub fn try_recv(&mut self) -> Option<PersistentItem> {
        self.reader.try_recv().or_else(|| {
            self.caller.run_now();
            self.reader.try_recv()
        })
    }
}
