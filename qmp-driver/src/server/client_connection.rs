//! The server's end of a connection.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::server::CloseReason;
use futures_core::Stream;

use crate::server::connection::Connection;
use crate::server::connection::watch::Watch;
use crate::server::{EventSender, Request};

/// The commands of one client: the server's end of the connection to it.
///
/// Greeting, negotiation, sync and messages that cannot be parsed are handled internally. At the
/// limit of unanswered commands, no further commands are read. The limit is one, or nine once the
/// client has enabled `oob`, and can be changed with [options](crate::server::Builder::options).
///
/// After this is dropped, no more commands are accepted. Commands that were received can still be
/// answered, and everything is written; then the connection ends. If the client does not read, the
/// connection ends at the [deadline for closing](crate::server::Builder::close_timeout).
pub struct ClientConnection(Arc<Connection>);

impl ClientConnection {
    pub(super) const fn new(connection: Arc<Connection>) -> Self {
        Self(connection)
    }

    /// Waits for the next command.
    ///
    /// Returns `None` when there are no more commands: the client has closed its write half, or the
    /// connection has ended. Commands that were received before can still be answered then, because
    /// a client may close its write half and wait for the replies.
    ///
    /// Cancel-safe: a command that was not returned stays in the queue.
    pub async fn recv(&mut self) -> Option<Request> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Returns the next command if there is one, without waiting.
    pub fn try_recv(&mut self) -> Option<Request> {
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

    /// Returns a sender for events.
    pub fn event_sender(&self) -> EventSender {
        EventSender::new(Arc::clone(&self.0))
    }

    /// Returns the name of the client, as it was given when the connection was made.
    pub fn peer(&self) -> Arc<str> {
        Arc::clone(&self.0.peer)
    }

    /// Returns whether the client has negotiated capabilities. Clients of a guest agent do not need
    /// to.
    pub fn is_ready(&self) -> bool {
        self.0.lock().is_ready()
    }

    /// Returns whether the client has enabled out-of-band execution.
    pub fn is_out_of_band(&self) -> bool {
        self.0.lock().server.is_out_of_band()
    }

    /// Returns the number of unanswered commands.
    pub fn in_flight(&self) -> usize {
        self.0.lock().server.in_flight()
    }

    /// Waits until all commands that were received are answered and everything is written, and ends
    /// the connection. No more commands are accepted: those that arrive later get an error reply.
    ///
    /// If the client does not read, the connection ends at the [deadline for
    /// closing](crate::server::Builder::close_timeout), with the reason [`CloseReason::NotReading`].
    ///
    /// Cancel-safe: closing continues.
    pub async fn close(&mut self) -> CloseReason {
        self.shut();
        self.closed().await
    }

    /// Ends the connection immediately. Unsent output is discarded.
    pub fn abort(&self) {
        self.0.end(CloseReason::ByUs);
    }

    /// Waits for the end of the connection and returns its reason.
    ///
    /// Cancel-safe.
    pub async fn closed(&self) -> CloseReason {
        Watch::new(&self.0).await
    }

    /// Returns why the connection has ended, if it has.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.0.lock().ended.clone()
    }

    fn shut(&mut self) {
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

impl Stream for ClientConnection {
    type Item = Request;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Request>> {
        self.poll_recv(cx)
    }
}

impl Drop for ClientConnection {
    fn drop(&mut self) {
        self.shut();
    }
}

impl fmt::Debug for ClientConnection {
    /// Shows the peer and the state, but no messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.0.lock();
        f.debug_struct("ClientConnection")
            .field("peer", &self.0.peer)
            .field("phase", &machine.server.phase())
            .field("in_flight", &machine.server.in_flight())
            .field("unsent", &machine.unsent())
            .field("ended", &machine.ended)
            .finish_non_exhaustive()
    }
}
