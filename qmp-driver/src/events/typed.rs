//! A subscription whose events are decoded.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use qmp_proto::{DecodeError, EventSet, Timestamp};

use crate::caller::{Caller, Spawned};
use crate::events::reader::Reader;
use crate::events::{Event, EventItem, Subscription};
use crate::{CloseReason, Error};

/// A [`Subscription`] whose events are decoded to one type: a [`TypedEvent`](crate::TypedEvent), or an
/// enum of several, declared with [`event_set!`](crate::event_set). Events outside the set are skipped.
///
/// Dropped events and events that cannot be decoded are items. The subscription ends with the
/// connection.
///
/// ```no_run
/// use qmp_driver::{TypedEvent, TypedItem};
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
/// # async fn example(qemu: qmp_driver::Client) {
/// let mut events = qemu.events().subscribe_to::<Shutdown>();
/// while let Some(item) = events.recv().await {
///     match item {
///         TypedItem::Event(shutdown) => println!("shut down: {}", shutdown.event.reason),
///         TypedItem::Lagged(count) => println!("{count} events were not read in time"),
///         TypedItem::Undecodable { error, .. } => println!("{error}"),
///         _ => {}
///     }
/// }
/// # }
/// ```
pub struct TypedSubscription<S, X = Spawned> {
    inner: Subscription<X>,
    set: PhantomData<fn() -> S>,
}

impl<X> Subscription<X> {
    /// Decodes the events of this subscription to one type: a [`TypedEvent`](crate::TypedEvent), or
    /// an enum of several. Events outside the set are skipped.
    ///
    /// [`subscribe_to`](crate::SubscriptionBuilder::subscribe_to) does not queue events outside the
    /// set at all.
    pub fn of<S: for<'b> EventSet<'b>>(self) -> TypedSubscription<S, X> {
        TypedSubscription::new(self)
    }
}

/// An item of a [`TypedSubscription`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TypedItem<S> {
    /// An event.
    Event(Decoded<S>),
    /// This many events before the next one were dropped, because they were not read in time. Some
    /// of them may have been outside the set.
    Lagged(u64),
    /// An event of the set whose data cannot be decoded.
    #[non_exhaustive]
    Undecodable {
        /// The event as it was received.
        event: Event,
        /// Why its data could not be decoded.
        error: DecodeError,
    },
}

/// A decoded event with its time and position.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decoded<S> {
    /// The event.
    pub event: S,
    /// The time at which the server sent it, by the server's clock.
    pub timestamp: Option<Timestamp>,
    /// The position in the server's stream at which it ends, in bytes. Gives its order among events
    /// and [replies](crate::Reply::stream_position).
    pub stream_position: u64,
}

impl<S: for<'b> EventSet<'b>, X> TypedSubscription<S, X> {
    pub(super) const fn new(inner: Subscription<X>) -> Self {
        Self { inner, set: PhantomData }
    }

    /// Returns why the connection has ended, if it has.
    pub fn close_reason(&self) -> Option<CloseReason>
    where
        X: Copy,
    {
        self.inner.close_reason()
    }

    /// Returns the same subscription without decoding.
    pub fn into_inner(self) -> Subscription<X> {
        self.inner
    }

    /// Returns the next queued item.
    fn pop(&mut self) -> Option<TypedItem<S>> {
        loop {
            if let Some(item) = decode(self.inner.reader.try_recv()?) {
                return Some(item);
            }
        }
    }

    fn poll_item(&mut self, cx: &Context<'_>) -> Poll<Option<TypedItem<S>>> {
        poll_decoded(&mut self.inner.reader, cx)
    }

    async fn wait(&mut self, timeout: Duration) -> Result<Option<TypedItem<S>>, Error> {
        self.inner.reader.poll_for(timeout, poll_decoded).await
    }
}

impl<S: for<'b> EventSet<'b>> TypedSubscription<S> {
    /// Returns the next item. Returns `None` after the connection has ended and everything was read.
    ///
    /// Cancel-safe: an event that was not returned stays in the queue.
    pub async fn recv(&mut self) -> Option<TypedItem<S>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    /// Returns the next item if there is one, without waiting.
    pub fn try_recv(&mut self) -> Option<TypedItem<S>> {
        self.pop()
    }

    /// Waits for the next item, like [`recv`](Self::recv), for at most `timeout`.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::NoEvent`](crate::ErrorKind::NoEvent) if no event of the set arrives in
    /// time.
    pub async fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<TypedItem<S>>, Error> {
        self.wait(timeout).await
    }
}

impl<S: for<'b> EventSet<'b>, X: Caller + Copy> TypedSubscription<S, X> {
    /// Waits for the next item. Returns `None` after the connection has ended and everything was
    /// read.
    pub fn recv(&mut self) -> Option<TypedItem<S>> {
        let caller = self.inner.caller;
        match self.pop() {
            Some(item) => Some(item),
            None => caller.run(poll_fn(|cx| self.poll_item(cx))),
        }
    }

    /// Returns the next item if one has arrived. Reads what is available without waiting.
    pub fn try_recv(&mut self) -> Option<TypedItem<S>> {
        self.pop().or_else(|| {
            self.inner.caller.run_now();
            self.pop()
        })
    }

    /// Waits for the next item, like [`recv`](Self::recv), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::NoEvent`](crate::ErrorKind::NoEvent) if no event of the set arrives in
    /// time, and [`ErrorKind::TimeoutsUnsupported`](crate::ErrorKind::TimeoutsUnsupported) if the
    /// stream does not support deadlines.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<TypedItem<S>>, Error> {
        let caller = self.inner.caller;
        caller.run(self.wait(timeout))
    }
}

impl<S: for<'b> EventSet<'b>> Stream for TypedSubscription<S> {
    type Item = TypedItem<S>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<TypedItem<S>>> {
        self.poll_item(cx)
    }
}

impl<S: for<'b> EventSet<'b>, X: Caller + Copy> Iterator for TypedSubscription<S, X> {
    type Item = TypedItem<S>;

    fn next(&mut self) -> Option<TypedItem<S>> {
        self.recv()
    }
}

impl<S, X> fmt::Debug for TypedSubscription<S, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedSubscription").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// Polls for the next item, skipping events outside the set.
fn poll_decoded<S: for<'b> EventSet<'b>>(
    reader: &mut Reader,
    cx: &Context<'_>,
) -> Poll<Option<TypedItem<S>>> {
    loop {
        let Some(item) = ready!(reader.poll_recv(cx)) else { return Poll::Ready(None) };
        if let Some(item) = decode(item) {
            return Poll::Ready(Some(item));
        }
    }
}

/// Decodes an item. Returns `None` for an event outside the set.
pub(super) fn decode<S: for<'b> EventSet<'b>>(item: EventItem) -> Option<TypedItem<S>> {
    let event = match item {
        EventItem::Event(event) => event,
        EventItem::Lagged(count) => return Some(TypedItem::Lagged(count)),
    };
    Some(match event.typed::<S>()? {
        Ok(decoded) => TypedItem::Event(Decoded {
            event: decoded,
            timestamp: event.timestamp(),
            stream_position: event.stream_position(),
        }),
        Err(error) => TypedItem::Undecodable { event, error },
    })
}
