//! A subscription to the events of all connections of a client.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::caller::Spawned;
use crate::events::queue::PersistentItem;
use crate::events::reader::PersistentReader;

/// A subscription to the events of all connections of a client: a stream that reports when a
/// connection ends and another begins, and that ends with the client.
///
/// It does not keep the connection open, and it does not reconnect: call [`Client::reconnect`].
///
/// ```no_run
/// use qmp_driver::PersistentItem;
///
/// # async fn example(qemu: qmp_driver::Client) -> Result<(), qmp_driver::Error> {
/// let mut events = qemu.events().named("STOP").subscribe_persistent();
/// while let Some(item) = events.recv().await {
///     match item {
///         PersistentItem::Event(event) => println!("{}", event.name()),
///         PersistentItem::Lagged(count) => println!("{count} events were not read in time"),
///         PersistentItem::Disconnected(reason) => {
///             println!("{reason}");
///             qemu.reconnect().await?;
///         }
///         PersistentItem::Reconnected => println!("connected again: query the state"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// [`Client::reconnect`]: crate::Client::reconnect
pub struct PersistentSubscription<X = Spawned> {
    pub(crate) reader: PersistentReader,
    pub(crate) caller: X,
}

impl PersistentSubscription {
    /// Returns the next event, the number of events that were dropped because they were not read in
    /// time, or a change of the connection. Returns `None` after the client was dropped, its
    /// connection has ended and everything was read.
    ///
    /// Cancel-safe: an item that was not returned stays in the queue.
    pub async fn recv(&mut self) -> Option<PersistentItem> {
        poll_fn(|cx| self.reader.poll_recv(cx)).await
    }

    /// Returns the next item if there is one, without waiting.
    pub fn try_recv(&mut self) -> Option<PersistentItem> {
        self.reader.try_recv()
    }

    /// Returns all queued items, without waiting.
    pub fn drain(&mut self) -> Vec<PersistentItem> {
        std::iter::from_fn(|| self.try_recv()).collect()
    }
}

impl Stream for PersistentSubscription {
    type Item = PersistentItem;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<PersistentItem>> {
        self.reader.poll_recv(cx)
    }
}

impl<X> fmt::Debug for PersistentSubscription<X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersistentSubscription")
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}
