//! A subscription to the events of all connections of a client.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::caller::Spawned;
use crate::events::queue::PersistentItem;
use crate::events::reader::PersistentReader;

/// A subscription to the events of all connections of a client: a stream that tells where a
/// connection ended and where another began, and that ends with the client.
///
/// It neither keeps the connection open nor reconnects: [`Client::reconnect`] does.
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
    /// Returns the next event, count of events that were not read in time, or change of the
    /// connection; `None` once the client was dropped, its connection has ended and everything was
    /// read.
    ///
    /// Cancel-safe: an item that was not returned stays in the queue.
    pub async fn recv(&mut self) -> Option<PersistentItem> {
        poll_fn(|cx| self.reader.poll_recv(cx)).await
    }

    /// Returns the next item that is already there.
    pub fn try_recv(&mut self) -> Option<PersistentItem> {
        self.reader.try_recv()
    }

    /// Returns all items that are already there.
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
