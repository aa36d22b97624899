//! A subscription to the events of one connection.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use crate::connection::Connection;
use crate::connection::waiting::Timer;
use crate::events::inbox::Inbox;
use crate::events::queue::{EventItem, EventQueue, PersistentItem};
use crate::events::{Event, EventWait};
use crate::{Cause, Disconnect, Error};

/// A subscription to the events of one connection: a stream that ends when the connection has ended
/// and everything was read.
///
/// An event that came before the reply to a command is here when the command's future completes;
/// [`stream_position`](Event::stream_position) orders the two.
///
/// It does not keep the connection open. [`subscribe_persistent`] makes one that goes on over
/// reconnections.
///
/// [`subscribe_persistent`]: crate::SubscriptionBuilder::subscribe_persistent
pub struct Subscription {
    pub(super) inbox: Arc<Inbox>,
    /// What was taken over from the inbox, or passed over by a wait: older than all that is there.
    pub(super) passed: EventQueue<Event>,
    pub(super) connection: Arc<Connection>,
}

impl Subscription {
    pub(super) fn new(
        inbox: Arc<Inbox>,
        passed: EventQueue<Event>,
        connection: Arc<Connection>,
    ) -> Self {
        Self { inbox, passed, connection }
    }

    /// Returns the next event, or the count of those that were not read in time; `None` once the
    /// connection has ended and everything was read.
    ///
    /// Cancel-safe: an event that was not returned stays in the queue.
    pub async fn recv(&mut self) -> Option<EventItem> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Returns the next item that is already there.
    pub fn try_recv(&mut self) -> Option<EventItem> {
        if self.passed.is_empty() {
            self.inbox.hand_over(&mut self.passed);
        }
        self.passed.pop().and_then(item)
    }

    /// As [`recv`](Self::recv), for at most `timeout`.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`Cause::NoEvent`] if nothing came in time.
    pub async fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<EventItem>, Error> {
        let connection = Arc::clone(&self.connection);
        let mut timer = Timer::new(connection, Some(timeout));
        poll_fn(|cx| match self.poll_recv(cx) {
            Poll::Ready(item) => Poll::Ready(Ok(item)),
            Poll::Pending => timer.poll(cx).map(|waited| Err(self.late(waited))),
        })
        .await
    }

    fn late(&self, waited: Duration) -> Error {
        self.connection.error(Cause::NoEvent { waited, names: self.inbox.names() })
    }

    /// Returns all items that are already there.
    pub fn drain(&mut self) -> Vec<EventItem> {
        std::iter::from_fn(|| self.try_recv()).collect()
    }

    /// Waits for one event of this subscription, with further conditions.
    ///
    /// Events that do not match stay in the queue, in order. When more of them are passed over than
    /// the queue holds, the oldest are dropped; [`recv`](Self::recv) reports how many.
    pub fn event(&mut self) -> EventWait<'_> {
        EventWait::in_subscription(self)
    }

    /// Why the connection has ended, if it has.
    pub fn end_reason(&self) -> Option<Disconnect> {
        self.connection.lock().lifecycle.ended.clone()
    }

    /// Puts an event behind those that were passed over before. Its neighbours may be taken, so it
    /// must not keep them in memory.
    pub(super) fn pass(&mut self, event: &Event) {
        self.passed.push(event.detached(), event.message().len());
    }

    fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Option<EventItem>> {
        if self.passed.is_empty() {
            // All at once: the lock is taken, and the driver kept out, once for many events.
            ready!(self.inbox.poll_hand_over(cx, &mut self.passed));
        }
        Poll::Ready(self.passed.pop().and_then(item))
    }
}

/// A subscription to one connection is told of no other.
fn item(item: PersistentItem) -> Option<EventItem> {
    match item {
        PersistentItem::Event(event) => Some(EventItem::Event(event)),
        PersistentItem::Lagged(count) => Some(EventItem::Lagged(count)),
        PersistentItem::Disconnected(_) | PersistentItem::Reconnected => None,
    }
}

impl Stream for Subscription {
    type Item = EventItem;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<EventItem>> {
        self.poll_recv(cx)
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("inbox", &self.inbox).finish_non_exhaustive()
    }
}
