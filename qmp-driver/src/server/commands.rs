//! What a client asks for.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::server::Hangup;
use futures_core::Stream;

use crate::server::connection::Connection;
use crate::server::connection::watch::Watch;
use crate::server::{Emitter, Request};

/// The commands of one client, and the server's end of the connection to it.
///
/// Greeting, negotiation, sync and what cannot be understood are dealt with beneath. While as many
/// commands are unanswered as may be, the next is not read: one, and nine once a client has enabled
/// `oob`, unless [options](crate::server::Builder::options) say otherwise.
///
/// When this is dropped no more commands are taken. Those that were received are still answered,
/// what was said is still written, and then the connection ends; a client that reads nothing is waited
/// for until the [deadline of closing](crate::server::Builder::close_deadline).
pub struct Commands(Arc<Connection>);

impl Commands {
    pub(super) const fn new(connection: Arc<Connection>) -> Self {
        Self(connection)
    }

    /// The next command; `None` when there will be no more, for the client has closed its end or the
    /// connection is over. What was received before can still be answered then: a client may end its
    /// own output and wait for the answers.
    ///
    /// Cancel-safe: a command that was not returned stays in the queue.
    pub async fn recv(&mut self) -> Option<Request> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// The same, if it is there already.
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

    /// For sending events.
    pub fn emitter(&self) -> Emitter {
        Emitter::new(Arc::clone(&self.0))
    }

    /// The client, as it was named when the connection was made.
    pub fn peer(&self) -> Arc<str> {
        Arc::clone(&self.0.peer)
    }

    /// Whether the client has negotiated. A guest agent's need not.
    pub fn is_ready(&self) -> bool {
        self.0.lock().is_ready()
    }

    /// Whether the client has enabled out-of-band execution.
    pub fn is_out_of_band(&self) -> bool {
        self.0.lock().server.is_out_of_band()
    }

    /// How many commands are unanswered.
    pub fn in_flight(&self) -> usize {
        self.0.lock().server.in_flight()
    }

    /// Takes no more commands, waits until those that were received are answered and all that was
    /// said is written, and ends the connection. Commands that were not received yet are answered
    /// with an error.
    ///
    /// A client that reads nothing is waited for until the [deadline of
    /// closing](crate::server::Builder::close_deadline), and then the reason is
    /// [`Hangup::NotReading`].
    ///
    /// Cancel-safe: closing goes on.
    pub async fn close(&mut self) -> Hangup {
        self.shut();
        self.closed().await
    }

    /// Ends the connection at once. What was not written yet is not written any more.
    pub fn abort(&self) {
        self.0.end(Hangup::ByUs);
    }

    /// Waits for the end of the connection, and says why it ended.
    ///
    /// Cancel-safe.
    pub async fn closed(&self) -> Hangup {
        Watch::new(&self.0).await
    }

    /// Why the connection is over, if it is.
    pub fn ended(&self) -> Option<Hangup> {
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

impl Stream for Commands {
    type Item = Request;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Request>> {
        self.poll_recv(cx)
    }
}

impl Drop for Commands {
    fn drop(&mut self) {
        self.shut();
    }
}

impl fmt::Debug for Commands {
    /// Who is at the other end and how things stand; nothing of what was said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.0.lock();
        f.debug_struct("Commands")
            .field("peer", &self.0.peer)
            .field("phase", &machine.server.phase())
            .field("in_flight", &machine.server.in_flight())
            .field("unsent", &machine.unsent())
            .field("ended", &machine.ended)
            .finish_non_exhaustive()
    }
}
