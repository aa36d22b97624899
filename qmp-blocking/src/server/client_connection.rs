//! The server's end of a connection.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use qmp_driver::server::{CloseReason, EventSender, Request};
use qmp_driver::{Caller, Error, ErrorKind, Socket, Stopped};

use crate::stream::Stream;
use crate::thread::Thread;

/// The commands of one client: the server's end of the connection to it.
///
/// One thread uses it at a time, and it can be moved to another thread. Greeting, negotiation, sync
/// and messages that cannot be parsed are handled internally.
///
/// The end of the connection is not an error: there are no more commands, [`close_reason`](Self::close_reason)
/// returns the reason, and further replies and events are discarded. Dropping this ends the
/// connection immediately; [`close`](Self::close) first writes everything.
pub struct ClientConnection<S: Stream = Socket> {
    inner: qmp_driver::server::ClientConnection,
    thread: Thread<S>,
}

impl<S: Stream> ClientConnection<S> {
    pub(super) fn new(inner: qmp_driver::server::ClientConnection, thread: Thread<S>) -> Self {
        // This writes the greeting.
        thread.flush();
        Self { inner, thread }
    }

    /// Waits for the next command. While waiting, writes what could not be written before.
    ///
    /// Returns `None` when there are no more commands: the client has closed its write half, or the
    /// connection has ended. Commands that were received before can still be answered then, because
    /// a client may close its write half and wait for the replies.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::TooManyUnanswered`] at the limit of unanswered commands.
    pub fn recv(&mut self) -> Result<Option<Request>, Error> {
        self.recv_until(None)
    }

    /// Waits for the next command for at most `timeout`. With a timeout of zero, does not wait.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`recv`](Self::recv), [`ErrorKind::NoCommand`] if no command arrives in
    /// time, and an error if the stream does not support deadlines.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<Request>, Error> {
        if !self.thread.has_deadlines() {
            return Err(self.error(ErrorKind::TimeoutsUnsupported));
        }
        self.recv_until(Some(timeout))
    }

    fn recv_until(&mut self, timeout: Option<Duration>) -> Result<Option<Request>, Error> {
        let limit = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let cause = match self.thread.try_run(self.inner.recv(), limit) {
            Ok(request) => return Ok(request),
            Err(Stopped::TimedOut) => ErrorKind::NoCommand { waited: timeout.unwrap_or_default() },
            Err(_) => ErrorKind::TooManyUnanswered { unanswered: self.inner.in_flight() },
        };
        Err(self.error(cause))
    }

    /// Writes everything that is buffered and ends the connection. Unanswered commands get no
    /// reply.
    ///
    /// # Errors
    ///
    /// Returns an error if the client does not read it before the [deadline for
    /// closing](crate::server::Builder::close_timeout).
    pub fn close(mut self) -> Result<CloseReason, Error> {
        let (emitter, owes) = (self.inner.event_sender(), self.inner.in_flight() > 0);
        let hangup = {
            let mut closing = pin!(self.inner.close());
            // The driver waits for the replies to these commands, and this thread will not send
            // any.
            self.thread.run(poll_fn(|cx| match closing.as_mut().poll(cx) {
                Poll::Pending if owes && emitter.unsent() == 0 => Poll::Ready(CloseReason::ByUs),
                polled => polled,
            }))
        };
        match hangup {
            CloseReason::NotReading { unsent } => Err(self.error(ErrorKind::NotReading { unsent })),
            reason => Ok(reason),
        }
    }

    forward! {
        /// Returns a sender for events. Events that cannot be written immediately are written while
        /// the server waits for something.
        event_sender() -> EventSender;
        /// Returns the name of the client, as it was given when the connection was made.
        peer() -> Arc<str>;
        /// Returns whether the client has negotiated capabilities. Clients of a guest agent do not
        /// need to.
        is_ready() -> bool;
        /// Returns whether the client has enabled out-of-band execution.
        is_out_of_band() -> bool;
        /// Returns the number of unanswered commands.
        in_flight() -> usize;
        /// Returns why the connection has ended, according to what was read so far.
        close_reason() -> Option<CloseReason>;
    }

    /// Returns how many buffered bytes the client has not read.
    pub fn unsent(&self) -> usize {
        self.inner.event_sender().unsent()
    }

    /// Returns the stream, to wait for several connections at once with poll(2) or a similar,
    /// level-triggered call.
    ///
    /// Wait for it to become readable, and writable while [`unsent`](Self::unsent) is not zero.
    /// Before that, call [`recv_timeout`](Self::recv_timeout) with zero until there is no command.
    /// Do not read from the stream.
    pub fn stream(&self) -> Option<Arc<S>> {
        self.thread.stream()
    }

    fn error(&self, cause: ErrorKind) -> Error {
        Error::new(cause).with_peer(&self.inner.peer())
    }
}

impl<S: Stream> fmt::Debug for ClientConnection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
