//! The reading end of a subscription.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::client::link::Link;
use crate::connection::Connection;
use crate::connection::waiting::Timer;
use crate::events::inbox::Inbox;
use crate::events::queue::{EventItem, EventQueue, PersistentItem};
use crate::{Error, ErrorKind, Event};

/// Reads the events of one connection.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(super) inbox: Arc<Inbox>,
    /// Items that were taken from the inbox, or passed over by a wait. All are older than those in
    /// the inbox.
    pub(super) passed: EventQueue<Event>,
    connection: Arc<Connection>,
}

impl Reader {
    pub(super) const fn new(
        inbox: Arc<Inbox>,
        passed: EventQueue<Event>,
        connection: Arc<Connection>,
    ) -> Self {
        Self { inbox, passed, connection }
    }

    pub(super) const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Returns the next item if there is one, without waiting.
    pub(crate) fn try_recv(&mut self) -> Option<EventItem> {
        self.try_pop().and_then(item)
    }

    fn try_pop(&mut self) -> Option<PersistentItem> {
        if self.passed.is_empty() {
            self.inbox.hand_over(&mut self.passed);
        }
        self.passed.pop()
    }

    /// Returns all queued items.
    pub(crate) fn drain(&mut self) -> Vec<EventItem> {
        std::iter::from_fn(|| self.try_recv()).collect()
    }

    /// Returns all queued items from before this position of the stream. When a reply is there, all
    /// items from before it are there, too.
    pub(crate) fn drain_before(&mut self, position: u64) -> Vec<EventItem> {
        let next = |reader: &mut Self| {
            if reader.passed.is_empty() {
                reader.inbox.hand_over(&mut reader.passed);
            }
            match reader.passed.front() {
                Some(event) if event.stream_position() > position => None,
                _ => reader.passed.pop().and_then(item),
            }
        };
        std::iter::from_fn(|| next(self)).collect()
    }

    pub(crate) fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Option<EventItem>> {
        self.poll_pop(cx).map(|popped| popped.and_then(item))
    }

    fn poll_pop(&mut self, cx: &Context<'_>) -> Poll<Option<PersistentItem>> {
        if self.passed.is_empty() {
            // All at once, so that the lock, which delays the driver, is taken once for many
            // events.
            ready!(self.inbox.poll_hand_over(cx, &mut self.passed));
        }
        Poll::Ready(self.passed.pop())
    }

    pub(crate) async fn recv_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<Option<EventItem>, Error> {
        self.poll_for(timeout, Self::poll_recv).await
    }

    /// Polls until there is a result, for at most `timeout`.
    pub(super) async fn poll_for<T>(
        &mut self,
        timeout: Duration,
        mut poll: impl FnMut(&mut Self, &Context<'_>) -> Poll<T>,
    ) -> Result<T, Error> {
        let mut timer = Timer::new(Arc::clone(&self.connection), Some(timeout));
        timer.refuse().map_err(|cause| self.error(cause))?;
        poll_fn(|cx| match poll(self, cx) {
            Poll::Ready(item) => Poll::Ready(Ok(item)),
            Poll::Pending => timer.poll(cx).map(|waited| {
                let names = self.inbox.names();
                Err(self.error(ErrorKind::NoEvent { waited, names }))
            }),
        })
        .await
    }

    /// Adds an event to those that were passed over. It is detached, because its neighbors may be
    /// taken and must not stay in memory.
    pub(super) fn pass(&mut self, event: &Event) {
        self.passed.push(event.detached(), event.message().len());
    }

    pub(crate) fn error(&self, cause: ErrorKind) -> Error {
        self.connection.error(cause)
    }
}

/// A subscription to one connection gets no notices of other connections.
fn item(item: PersistentItem) -> Option<EventItem> {
    match item {
        PersistentItem::Event(event) => Some(EventItem::Event(event)),
        PersistentItem::Lagged(count) => Some(EventItem::Lagged(count)),
        PersistentItem::Disconnected(_) | PersistentItem::Reconnected => None,
    }
}

/// Reads the events of all connections of a client.
#[derive(Debug)]
pub(crate) struct PersistentReader {
    reader: Reader,
    /// The client's state, which does not keep the connection open.
    link: Arc<Link>,
}

impl PersistentReader {
    pub(super) const fn new(reader: Reader, link: Arc<Link>) -> Self {
        Self { reader, link }
    }

    pub(crate) fn connection(&self) -> Arc<Connection> {
        self.link.connection()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.reader.inbox.names()
    }

    pub(crate) fn try_recv(&mut self) -> Option<PersistentItem> {
        self.reader.try_pop()
    }

    pub(crate) fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Option<PersistentItem>> {
        self.reader.poll_pop(cx)
    }
}
