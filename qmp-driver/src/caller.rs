//! Waiting on a thread that runs the driver itself, where no runtime does.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::events::{Event, EventItem, PersistentItem};
use crate::{
    Cause, Disconnect, Error, EventWait, Execute, PersistentSubscription, Response, State,
    Subscription, Untyped,
};

/// The driver runs in a task of its own: futures are awaited.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spawned;

/// A thread that runs the driver of its connection while it waits. The blocking adapter implements
/// it; programs do not need it.
pub trait Caller: Copy {
    /// Waits for a future of the connection.
    fn run<F: Future>(self, future: F) -> F::Output;

    /// Waits for a future of the connection, until `limit` at most.
    ///
    /// # Errors
    ///
    /// If the time is over, or if nothing that the thread waits for can happen.
    fn try_run<F: Future>(self, future: F, limit: Option<Instant>) -> Result<F::Output, Stopped>;

    /// Reads and writes what can be read and written without blocking.
    fn run_now(self);
}

/// Why a wait ended without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// The time was over.
    TimedOut,
    /// Nothing that the thread waits for can happen before it does something else.
    Stuck,
}

impl<R: Response, X: Caller> Execute<R, X> {
    /// Sends the command and waits for its answer.
    ///
    /// # Errors
    ///
    /// If it cannot be sent, the server answers with an error, the deadline passes, or the connection
    /// ends. [`Error::outcome`] tells whether it may have been executed.
    pub fn run(self) -> Result<R::Value, Error> {
        self.caller.run(self.on(Spawned))
    }

    /// Sends the command without waiting for its answer, so that several can be in flight. Those that
    /// were [queued](Self::queue) leave with it.
    ///
    /// At the in-flight limit (64; 7 in-band ones with out-of-band execution) it waits until one is
    /// answered.
    ///
    /// # Errors
    ///
    /// If it cannot be sent.
    pub fn send(self) -> Result<PendingReply<X, R>, Error> {
        self.client().release_output();
        self.submit()
    }

    fn submit(self) -> Result<PendingReply<X, R>, Error> {
        let caller = self.caller;
        let mut command = self.on(Spawned);
        let sent = poll_fn(|cx| match Pin::new(&mut command).poll(cx) {
            Poll::Pending if command.is_queued() => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
        });
        let done = caller.run(sent).transpose()?;
        Ok(PendingReply { caller, command, done })
    }

    /// As [`send`](Self::send), but the command is written together with others, in one system call:
    /// with the next that is sent, when something is waited for, or when it is flushed.
    ///
    /// # Errors
    ///
    /// If it cannot be sent.
    pub fn queue(self) -> Result<PendingReply<X, R>, Error> {
        self.client().hold_output();
        self.submit()
    }
}

/// The answer to a command that was sent.
///
/// Dropping it discards the answer when it comes; the command is not taken back.
#[must_use = "the answer is discarded unless it is received"]
pub struct PendingReply<X, R: Response = Untyped> {
    caller: X,
    command: Execute<R>,
    done: Option<R::Value>,
}

impl<X: Caller, R: Response> PendingReply<X, R> {
    /// Waits for the answer. Answers may be awaited in any order.
    ///
    /// # Errors
    ///
    /// As [`Execute::run`].
    pub fn recv(self) -> Result<R::Value, Error> {
        match self.done {
            Some(value) => Ok(value),
            None => self.caller.run(self.command),
        }
    }

    /// Returns the answer if it has come, without waiting: reads what is in the socket. Its deadline
    /// can pass here, too.
    ///
    /// # Errors
    ///
    /// As [`Execute::run`].
    ///
    /// # Panics
    ///
    /// If it has returned an answer or an error before.
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

impl<X, R: Response> fmt::Debug for PendingReply<X, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingReply").field("command", &self.command).finish_non_exhaustive()
    }
}

impl<X: Caller> EventWait<'_, X> {
    /// Waits for the event.
    ///
    /// # Errors
    ///
    /// If the deadline passes, events were dropped before it saw them ([`Cause::EventsLost`]), or the
    /// connection has ended and no such event is left.
    pub fn run(mut self) -> Result<Event, Error> {
        self.caller.run(poll_fn(|cx| self.poll_event(cx)))
    }
}

impl<X: Caller> Subscription<X> {
    /// Waits for the next event, or the count of those that were not read in time; `None` once the
    /// connection has ended and everything was read.
    pub fn recv(&mut self) -> Option<EventItem> {
        let Self { reader, caller } = self;
        match reader.try_recv() {
            Some(item) => Some(item),
            None => caller.run(poll_fn(|cx| reader.poll_recv(cx))),
        }
    }

    /// Returns the next item that has come, without waiting: reads what is in the socket.
    pub fn try_recv(&mut self) -> Option<EventItem> {
        self.reader.try_recv().or_else(|| {
            self.caller.run_now();
            self.reader.try_recv()
        })
    }

    /// As [`recv`](Self::recv), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`Cause::NoEvent`] if nothing came in time, and [`Cause::NoDeadlines`] if the stream cannot
    /// wait with a deadline.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<EventItem>, Error> {
        let Self { reader, caller } = self;
        caller.run(reader.recv_timeout(timeout))
    }

    /// Returns all items that have come, without waiting.
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
    /// Waits for the next event, count of events that were not read in time, or change of the
    /// connection.
    ///
    /// # Errors
    ///
    /// [`Cause::Disconnected`] if everything was read and the connection has ended: nothing comes
    /// before the client reconnects.
    pub fn recv(&mut self) -> Result<PersistentItem, Error> {
        self.recv_until(None)
    }

    /// As [`recv`](Self::recv), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), [`Cause::NoEvent`] if nothing came in time, and
    /// [`Cause::NoDeadlines`] if the stream cannot wait with a deadline.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<PersistentItem, Error> {
        let connection = self.reader.connection();
        connection.refuse_deadline().map_err(|cause| connection.error(cause))?;
        self.recv_until(Some(timeout))
    }

    fn recv_until(&mut self, timeout: Option<Duration>) -> Result<PersistentItem, Error> {
        let limit = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let Self { reader, caller } = self;
        let cause = match caller.try_run(poll_fn(|cx| reader.poll_recv(cx)), limit) {
            Ok(Some(item)) => return Ok(item),
            Err(Stopped::TimedOut) => {
                let waited = timeout.unwrap_or_default();
                Cause::NoEvent { waited, names: reader.names() }
            }
            Ok(None) | Err(Stopped::Stuck) => {
                let state = State::of(&reader.connection().lock());
                let reason = match state {
                    State::Closed(reason) => reason,
                    _ => Disconnect::ByUs,
                };
                Cause::Disconnected { reason, sent: false }
            }
        };
        Err(reader.connection().error(cause))
    }

    /// Returns the next item that has come, without waiting: reads what is in the socket.
    pub fn try_recv(&mut self) -> Option<PersistentItem> {
        self.reader.try_recv().or_else(|| {
            self.caller.run_now();
            self.reader.try_recv()
        })
    }
}
