//! The server's end of a connection.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::Stream;

use crate::caller::{Caller, Spawned, Stopped};
use crate::server::connection::Connection;
use crate::server::connection::watch::Watch;
use crate::server::{CloseReason, EventSender, Request};
use crate::{Error, ErrorKind};

/// The commands of one client: the server's end of the connection to it.
///
/// Greeting, negotiation, sync and messages that cannot be parsed are handled internally. At the
/// limit of unanswered commands, no further commands are read. The limit is one, or nine once the
/// client has enabled `oob`, and can be changed with [options](crate::server::Builder::options).
///
/// The end of the connection is not an error: there are no more commands,
/// [`close_reason`](Self::close_reason) returns the reason, and further replies and events are
/// discarded.
///
/// After this is dropped, no more commands are accepted. Commands that were received can still be
/// answered, and everything is written; then the connection ends. If the client does not read, the
/// connection ends at the [deadline for closing](crate::server::Builder::close_timeout). In
/// `qmp-blocking`, dropping this ends the connection immediately, because nothing is written
/// between calls.
pub struct ClientConnection<X = Spawned> {
    queue: Queue,
    caller: X,
}

impl ClientConnection {
    pub(super) const fn new(connection: Arc<Connection>) -> Self {
        Self { queue: Queue(connection), caller: Spawned }
    }

    /// Waits for the next command.
    ///
    /// Returns `None` when there are no more commands: the client has closed its write half, or the
    /// connection has ended. Commands that were received before can still be answered then, because
    /// a client may close its write half and wait for the replies.
    ///
    /// Cancel-safe: a command that was not returned stays in the queue.
    pub async fn recv(&mut self) -> Option<Request> {
        poll_fn(|cx| self.queue.poll_recv(cx)).await
    }

    /// Returns the next command if there is one, without waiting.
    pub fn try_recv(&mut self) -> Option<Request> {
        self.queue.try_recv()
    }

    /// Waits until all commands that were received are answered and everything is written, and ends
    /// the connection. No more commands are accepted: those that arrive later get an error reply.
    ///
    /// If the client does not read, the connection ends at the [deadline for
    /// closing](crate::server::Builder::close_timeout), with the reason [`CloseReason::NotReading`].
    ///
    /// Cancel-safe: closing continues.
    pub async fn close(&mut self) -> CloseReason {
        self.queue.close();
        self.closed().await
    }

    /// Waits for the end of the connection and returns its reason.
    ///
    /// Cancel-safe.
    pub async fn closed(&self) -> CloseReason {
        Watch::new(self.connection()).await
    }
}

impl<X> ClientConnection<X> {
    /// Returns the same connection, to be used by another caller, and writes the greeting.
    #[doc(hidden)]
    pub fn with_caller<Y: Caller>(self, caller: Y) -> ClientConnection<Y> {
        caller.run_now();
        ClientConnection { queue: self.queue, caller }
    }

    fn connection(&self) -> &Arc<Connection> {
        &self.queue.0
    }

    /// Returns a sender for events.
    pub fn event_sender(&self) -> EventSender {
        EventSender::new(Arc::clone(self.connection()))
    }

    /// Returns the name of the client, as it was given when the connection was made.
    pub fn peer(&self) -> Arc<str> {
        Arc::clone(&self.connection().peer)
    }

    /// Returns whether the client has negotiated capabilities. Clients of a guest agent do not need
    /// to.
    pub fn is_ready(&self) -> bool {
        self.connection().lock().is_ready()
    }

    /// Returns whether the client has enabled out-of-band execution.
    pub fn is_out_of_band(&self) -> bool {
        self.connection().lock().server.is_out_of_band()
    }

    /// Returns the number of unanswered commands.
    pub fn in_flight(&self) -> usize {
        self.connection().lock().server.in_flight()
    }

    /// Returns how many buffered bytes the client has not read.
    pub fn unsent(&self) -> usize {
        self.connection().lock().unsent()
    }

    /// Ends the connection immediately. Unsent output is discarded.
    pub fn abort(&self) {
        self.connection().end(CloseReason::ByUs);
    }

    /// Returns why the connection has ended, if it has.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.connection().lock().ended.clone()
    }
}

/// The same on a thread that runs the driver itself. Nothing is read between calls, and events that
/// cannot be written immediately are written while the server waits for something.
impl<X: Caller> ClientConnection<X> {
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
        if !self.connection().lock().has_deadlines() {
            return Err(self.error(ErrorKind::TimeoutsUnsupported));
        }
        self.recv_until(Some(timeout))
    }

    fn recv_until(&mut self, timeout: Option<Duration>) -> Result<Option<Request>, Error> {
        let limit = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let Self { queue, caller } = self;
        let kind = match caller.try_run(poll_fn(|cx| queue.poll_recv(cx)), limit) {
            Ok(request) => return Ok(request),
            Err(Stopped::TimedOut) => ErrorKind::NoCommand { waited: timeout.unwrap_or_default() },
            Err(Stopped::Stuck) => ErrorKind::TooManyUnanswered { unanswered: self.in_flight() },
        };
        Err(self.error(kind))
    }

    /// Writes everything that is buffered and ends the connection. Unanswered commands get no
    /// reply.
    ///
    /// # Errors
    ///
    /// Returns an error if the client does not read it before the [deadline for
    /// closing](crate::server::Builder::close_timeout).
    pub fn close(mut self) -> Result<CloseReason, Error> {
        let owes = self.in_flight() > 0;
        self.queue.close();
        let connection = self.connection();
        let mut closed = pin!(Watch::new(connection));
        // The driver waits for the replies to these commands, and this thread will not send any.
        let reason = self.caller.run(poll_fn(|cx| match closed.as_mut().poll(cx) {
            Poll::Pending if owes && connection.lock().unsent() == 0 => {
                Poll::Ready(CloseReason::ByUs)
            }
            polled => polled,
        }));
        match reason {
            CloseReason::NotReading { unsent } => Err(self.error(ErrorKind::NotReading { unsent })),
            reason => Ok(reason),
        }
    }

    /// Returns the stream, to wait for several connections at once with poll(2) or a similar,
    /// level-triggered call.
    ///
    /// Wait for it to become readable, and writable while [`unsent`](Self::unsent) is not zero.
    /// Before that, call [`recv_timeout`](Self::recv_timeout) with zero until there is no command.
    /// Do not read from the stream.
    pub fn stream(&self) -> Option<Arc<X::Stream>> {
        self.caller.stream()
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind).with_peer(&self.connection().peer)
    }
}

impl Stream for ClientConnection {
    type Item = Request;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Request>> {
        self.queue.poll_recv(cx)
    }
}

impl<X> fmt::Debug for ClientConnection<X> {
    /// Shows the peer and the state, but no messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connection = self.connection();
        let machine = connection.lock();
        f.debug_struct("ClientConnection")
            .field("peer", &connection.peer)
            .field("phase", &machine.server.phase())
            .field("in_flight", &machine.server.in_flight())
            .field("unsent", &machine.unsent())
            .field("ended", &machine.ended)
            .finish_non_exhaustive()
    }
}

/// The right to receive the commands. The connection closes when this is dropped.
struct Queue(Arc<Connection>);

impl Queue {
    fn try_recv(&mut self) -> Option<Request> {
        let queued = self.0.lock().queue.pop_front();
        queued.map(|queued| Request::new(Arc::clone(&self.0), queued))
    }

    fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Option<Request>> {
        let waker = cx.waker().clone();
        let received = self.0.with(|machine, after| {
            if let Some(queued) = machine.queue.pop_front() {
                after.stale = Some(waker);
                return Poll::Ready(Some(queued));
            }
            if machine.ended.is_some() || machine.closing || machine.input_ended {
                after.stale = Some(waker);
                return Poll::Ready(None);
            }
            after.stale = machine.receiver.replace(waker);
            Poll::Pending
        });
        received.map(|queued| Some(Request::new(Arc::clone(&self.0), queued?)))
    }

    fn close(&mut self) {
        self.0.with(|machine, after| {
            if machine.ended.is_none() {
                machine.close(after);
            }
        });
        while let Some(request) = self.try_recv() {
            drop(request);
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.close();
    }
}
