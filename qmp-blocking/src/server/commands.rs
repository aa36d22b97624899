//! What a client asks for.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use qmp_driver::server::{Emitter, Hangup, Request};
use qmp_driver::{Caller, Cause, Error, Socket, Stopped};

use crate::stream::Stream;
use crate::thread::Thread;

/// The commands of one client, and the server's end of the connection to it.
///
/// One thread uses it at a time; it can be sent to another. Greeting, negotiation, sync and what
/// cannot be parsed are handled underneath.
///
/// A client that has left is not an error anywhere: there are no more commands, and
/// [`ended`](Self::ended) tells why. Answers and events are discarded then. Dropping this ends the
/// connection at once; [`close`](Self::close) first writes everything.
pub struct Commands<S: Stream = Socket> {
    inner: qmp_driver::server::Commands,
    thread: Thread<S>,
}

impl<S: Stream> Commands<S> {
    pub(super) fn new(inner: qmp_driver::server::Commands, thread: Thread<S>) -> Self {
        // The greeting is written.
        thread.flush();
        Self { inner, thread }
    }

    /// Waits for the next command, and writes meanwhile what could not be written before. `None` when
    /// there will be no more: the client has closed its end, or the connection has ended. What was
    /// received before can still be answered then: a client may close its write half and wait for the
    /// answers.
    ///
    /// # Errors
    ///
    /// [`Cause::AnswerFirst`] at the limit of unanswered commands.
    pub fn recv(&mut self) -> Result<Option<Request>, Error> {
        self.recv_until(None)
    }

    /// As [`recv`](Self::recv), for at most `timeout`. Zero takes what is there.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), [`Cause::NoCommand`] if none came in time, and if the stream cannot
    /// wait with a deadline.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<Request>, Error> {
        if !self.thread.has_deadlines() {
            return Err(self.error(Cause::NoDeadlines));
        }
        self.recv_until(Some(timeout))
    }

    fn recv_until(&mut self, timeout: Option<Duration>) -> Result<Option<Request>, Error> {
        let limit = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let cause = match self.thread.try_run(self.inner.recv(), limit) {
            Ok(request) => return Ok(request),
            Err(Stopped::TimedOut) => Cause::NoCommand { waited: timeout.unwrap_or_default() },
            Err(_) => Cause::AnswerFirst { unanswered: self.inner.in_flight() },
        };
        Err(self.error(cause))
    }

    /// Writes everything, and ends the connection. Commands without an answer get none.
    ///
    /// # Errors
    ///
    /// If the client does not read it within the [deadline of
    /// closing](crate::server::Builder::close_deadline).
    pub fn close(mut self) -> Result<Hangup, Error> {
        let (emitter, owes) = (self.inner.emitter(), self.inner.in_flight() > 0);
        let hangup = {
            let mut closing = pin!(self.inner.close());
            // The driver waits for the answers that this thread owes, and would wait forever.
            self.thread.run(poll_fn(|cx| match closing.as_mut().poll(cx) {
                Poll::Pending if owes && emitter.unsent() == 0 => Poll::Ready(Hangup::ByUs),
                polled => polled,
            }))
        };
        match hangup {
            Hangup::NotReading { unsent } => Err(self.error(Cause::NotReading { unsent })),
            reason => Ok(reason),
        }
    }

    forward! {
        /// Sends events to the client. What cannot be written at once is written while something is
        /// waited for.
        emitter() -> Emitter;
        /// The client, as it was named when the connection was made.
        peer() -> Arc<str>;
        /// Whether the client has negotiated. A guest agent's need not.
        is_ready() -> bool;
        /// Whether the client has enabled out-of-band execution.
        is_out_of_band() -> bool;
        /// How many commands are unanswered.
        in_flight() -> usize;
        /// Why the connection has ended, if that is known: nothing is read to find out.
        ended() -> Option<Hangup>;
    }

    /// How many bytes wait for the client to read.
    pub fn unsent(&self) -> usize {
        self.inner.emitter().unsent()
    }

    /// The stream, to wait on several connections at once with poll(2) and the like,
    /// level-triggered.
    ///
    /// Wait for it to become readable, and writable while something is [unsent](Self::unsent); but
    /// first call [`recv_timeout`](Self::recv_timeout) with zero until there is no command. Nothing
    /// else may read from the stream.
    pub fn stream(&self) -> Option<Arc<S>> {
        self.thread.stream()
    }

    fn error(&self, cause: Cause) -> Error {
        Error::new(cause).with_peer(&self.inner.peer())
    }
}

impl<S: Stream> fmt::Debug for Commands<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
