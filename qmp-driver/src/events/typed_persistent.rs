//! A subscription to all connections of a client whose events are decoded.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_core::Stream;
use qmp_proto::{DecodeError, EventSet};

use crate::caller::{Caller, Spawned};
use crate::events::typed::{Decoded, TypedItem, decode};
use crate::events::{Event, EventItem, PersistentItem, PersistentSubscription};
use crate::{CloseReason, Error};

/// A [`PersistentSubscription`] whose events are decoded to one type: a
/// [`TypedEvent`](crate::TypedEvent), or an enum of several, declared with
/// [`event_set!`](crate::event_set). Events outside the set are skipped.
///
/// Dropped events, events that cannot be decoded, and changes of the connection are items. The
/// subscription ends with the client.
///
/// ```no_run
/// use qmp_driver::{TypedEvent, TypedPersistentItem};
///
/// #[derive(serde::Deserialize)]
/// struct Shutdown {
///     reason: String,
/// }
///
/// impl TypedEvent for Shutdown {
///     const NAME: &'static str = "SHUTDOWN";
/// }
///
/// # async fn example(qemu: qmp_driver::Client) -> Result<(), qmp_driver::Error> {
/// let mut events = qemu.events().subscribe_persistent_to::<Shutdown>();
/// while let Some(item) = events.recv().await {
///     match item {
///         TypedPersistentItem::Event(shutdown) => println!("{}", shutdown.event.reason),
///         TypedPersistentItem::Undecodable { error, .. } => println!("{error}"),
///         TypedPersistentItem::Lagged(count) => println!("{count} events were not read in time"),
///         TypedPersistentItem::Disconnected(reason) => {
///             println!("{reason}");
///             qemu.reconnect().await?;
///         }
///         TypedPersistentItem::Reconnected => println!("connected again: query the state"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct TypedPersistentSubscription<S, X = Spawned> {
    inner: PersistentSubscription<X>,
    set: PhantomData<fn() -> S>,
}

impl<X> PersistentSubscription<X> {
    /// Decodes the events of this subscription to one type: a [`TypedEvent`](crate::TypedEvent), or
    /// an enum of several. Events outside the set are skipped.
    ///
    /// [`subscribe_persistent_to`](crate::SubscriptionBuilder::subscribe_persistent_to) does not
    /// queue events outside the set at all.
    pub fn of<S: for<'b> EventSet<'b>>(self) -> TypedPersistentSubscription<S, X> {
        TypedPersistentSubscription::new(self)
    }
}

/// What a [`TypedPersistentSubscription`] yields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TypedPersistentItem<S> {
    /// An event.
    Event(Decoded<S>),
    /// This many events before the next one were dropped, because they were not read in time. Some
    /// of them may have been outside the set.
    Lagged(u64),
    /// An event of the set whose data cannot be decoded.
    Undecodable {
        /// The event as it was received.
        event: Event,
        /// The error in its data.
        error: DecodeError,
    },
    /// The connection ended for this reason.
    Disconnected(CloseReason),
    /// A new connection has replaced the one that ended, and later events come from it. Events
    /// between the two connections are lost: query the state that they would have reported.
    Reconnected,
}

impl<S: for<'b> EventSet<'b>, X> TypedPersistentSubscription<S, X> {
    pub(super) const fn new(inner: PersistentSubscription<X>) -> Self {
        Self { inner, set: PhantomData }
    }

    /// Returns the same subscription without decoding.
    pub fn into_inner(self) -> PersistentSubscription<X> {
        self.inner
    }

    /// Returns the next queued item.
    fn pop(&mut self) -> Option<TypedPersistentItem<S>> {
        loop {
            if let Some(item) = typed(self.inner.reader.try_recv()?) {
                return Some(item);
            }
        }
    }

    fn poll_item(&mut self, cx: &Context<'_>) -> Poll<Option<TypedPersistentItem<S>>> {
        loop {
            let Some(item) = ready!(self.inner.reader.poll_recv(cx)) else {
                return Poll::Ready(None);
            };
            if let Some(item) = typed(item) {
                return Poll::Ready(Some(item));
            }
        }
    }
}

impl<S: for<'b> EventSet<'b>> TypedPersistentSubscription<S> {
    /// Returns the next item. Returns `None` after the client was dropped, its connection has ended
    /// and everything was read.
    ///
    /// Cancel-safe: an item that was not returned stays in the queue.
    pub async fn recv(&mut self) -> Option<TypedPersistentItem<S>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    /// Returns the next item if there is one, without waiting.
    pub fn try_recv(&mut self) -> Option<TypedPersistentItem<S>> {
        self.pop()
    }
}

impl<S: for<'b> EventSet<'b>, X: Caller> TypedPersistentSubscription<S, X> {
    /// Waits for the next item.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Disconnected`](crate::ErrorKind::Disconnected) if the connection has
    /// ended and everything was read: there is nothing to wait for until the client reconnects.
    pub fn recv(&mut self) -> Result<TypedPersistentItem<S>, Error> {
        loop {
            if let Some(item) = typed(self.inner.recv()?) {
                return Ok(item);
            }
        }
    }

    /// Waits for the next item, like [`recv`](Self::recv), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`recv`](Self::recv),
    /// [`ErrorKind::NoEvent`](crate::ErrorKind::NoEvent) if no event of the set arrives in time, and
    /// [`ErrorKind::TimeoutsUnsupported`](crate::ErrorKind::TimeoutsUnsupported) if the stream does
    /// not support deadlines.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<TypedPersistentItem<S>, Error> {
        self.inner.refuse_deadline()?;
        // Skipped events do not extend the wait.
        let limit = Instant::now().checked_add(timeout);
        loop {
            if let Some(item) = typed(self.inner.recv_until(Some(timeout), limit)?) {
                return Ok(item);
            }
        }
    }

    /// Returns the next item if one has arrived. Reads what is available without waiting.
    pub fn try_recv(&mut self) -> Option<TypedPersistentItem<S>> {
        self.pop().or_else(|| {
            self.inner.caller.run_now();
            self.pop()
        })
    }
}

impl<S: for<'b> EventSet<'b>> Stream for TypedPersistentSubscription<S> {
    type Item = TypedPersistentItem<S>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx)
    }
}

impl<S, X> fmt::Debug for TypedPersistentSubscription<S, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedPersistentSubscription")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

/// Decodes an item. Returns `None` for an event outside the set.
fn typed<S: for<'b> EventSet<'b>>(item: PersistentItem) -> Option<TypedPersistentItem<S>> {
    let item = match item {
        PersistentItem::Event(event) => EventItem::Event(event),
        PersistentItem::Lagged(count) => return Some(TypedPersistentItem::Lagged(count)),
        PersistentItem::Disconnected(reason) => {
            return Some(TypedPersistentItem::Disconnected(reason));
        }
        PersistentItem::Reconnected => return Some(TypedPersistentItem::Reconnected),
    };
    Some(match decode(item)? {
        TypedItem::Event(event) => TypedPersistentItem::Event(event),
        TypedItem::Lagged(count) => TypedPersistentItem::Lagged(count),
        TypedItem::Undecodable { event, error } => {
            TypedPersistentItem::Undecodable { event, error }
        }
    })
}
