//! A subscription to the events of one connection.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use crate::caller::Spawned;
use crate::events::EventWait;
use crate::events::queue::EventItem;
use crate::events::reader::Reader;
use crate::{CloseReason, Error};

/// A subscription to the events of one connection: a stream that ends when the connection has ended
/// and everything was read.
///
/// Events that came before the reply to a command are queued when the command's future completes.
/// [`stream_position`](crate::Event::stream_position) gives their order.
///
/// A subscription does not keep the connection open. [`subscribe_persistent`] creates one that
/// continues after a reconnection.
///
/// [`subscribe_persistent`]: crate::SubscriptionBuilder::subscribe_persistent
pub struct Subscription<X = Spawned> {
    pub(crate) reader: Reader,
    pub(crate) caller: X,
}

impl Subscription {
    /// Returns the next event, or the number of events that were dropped because they were not read
    /// in time. Returns `None` after the connection has ended and everything was read.
    ///
    /// Cancel-safe: an event that was not returned stays in the queue.
    pub async fn recv(&mut self) -> Option<EventItem> {
        poll_fn(|cx| self.reader.poll_recv(cx)).await
    }

    /// Returns the next item if there is one, without waiting.
    pub fn try_recv(&mut self) -> Option<EventItem> {
        self.reader.try_recv()
    }

    /// Waits for the next item, like [`recv`](Self::recv), for at most `timeout`.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::NoEvent`](crate::ErrorKind::NoEvent) if nothing arrives in time.
    pub async fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<EventItem>, Error> {
        self.reader.recv_timeout(timeout).await
    }

    /// Returns all queued items, without waiting.
    pub fn drain(&mut self) -> Vec<EventItem> {
        self.reader.drain()
    }
}

impl<X: Copy> Subscription<X> {
    /// Waits for one event of this subscription, with further conditions.
    ///
    /// Events that do not match stay in the queue, in order. If more of them are passed over than
    /// the queue holds, the oldest are dropped, and [`recv`](Self::recv) reports their number.
    pub fn event(&mut self) -> EventWait<'_, X> {
        EventWait::of_reader(&mut self.reader, self.caller)
    }

    /// Returns the items that came before a reply, or before any other
    /// [position](crate::Reply::stream_position) of the server's stream.
    ///
    /// All of them are queued when the command's future has completed. Events that were received
    /// after the reply stay in the queue.
    ///
    /// ```no_run
    /// # async fn example(qemu: qmp_driver::Client) -> Result<(), qmp_driver::Error> {
    /// let mut events = qemu.events().subscribe();
    /// let reply = qemu.execute("stop").await?;
    /// let before = events.drain_before(reply.stream_position());
    /// # Ok(())
    /// # }
    /// ```
    pub fn drain_before(&mut self, position: u64) -> Vec<EventItem> {
        self.reader.drain_before(position)
    }

    /// Returns why the connection has ended, if it has.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.reader.connection().lock().lifecycle.ended.clone()
    }
}

impl Stream for Subscription {
    type Item = EventItem;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<EventItem>> {
        self.reader.poll_recv(cx)
    }
}

impl<X> fmt::Debug for Subscription<X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("inbox", &self.reader.inbox).finish_non_exhaustive()
    }
}
