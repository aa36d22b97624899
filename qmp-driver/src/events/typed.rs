//! A subscription whose events are decoded.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_core::Stream;
use qmp_proto::{DecodeError, EventSet, Timestamp};

use crate::caller::{Caller, Spawned};
use crate::events::{Event, EventItem, Subscription};
use crate::{CloseReason, Error};

/// A subscription whose events are decoded to one type: a [`TypedEvent`](crate::TypedEvent), or an
/// enum of several, made by [`event_set!`](crate::event_set). Events outside the set are skipped.
///
/// Lost events and events that cannot be decoded are items; only the end of the connection ends it.
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
    /// The same subscription with its events decoded to one type: a
    /// [`TypedEvent`](crate::TypedEvent), or an enum of several. Events outside the set are skipped;
    /// [`subscribe_to`](crate::SubscriptionBuilder::subscribe_to) does not even queue them.
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
    /// This many events came before the next one and were dropped, because they were not read in
    /// time. Some of them may have been outside the set.
    Lagged(u64),
    /// An event of the set whose data is not as expected.
    Undecodable {
        /// The event as it came.
        event: Event,
        /// Why its data could not be decoded.
        error: DecodeError,
    },
}

/// An event and when it came.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decoded<S> {
    /// The event.
    pub event: S,
    /// When the server sent it, by the server's clock.
    pub timestamp: Option<Timestamp>,
    /// How many bytes of the server's stream ended with it: orders it among events and
    /// [replies](crate::Reply::stream_position).
    pub stream_position: u64,
}

impl<S: for<'b> EventSet<'b>, X> TypedSubscription<S, X> {
    pub(super) const fn new(inner: Subscription<X>) -> Self {
        Self { inner, set: PhantomData }
    }

    /// Why the connection has ended, if it has.
    pub fn close_reason(&self) -> Option<CloseReason>
    where
        X: Copy,
    {
        self.inner.close_reason()
    }

    /// The same subscription with its events as they come.
    pub fn into_inner(self) -> Subscription<X> {
        self.inner
    }

    /// The next item that is already there.
    fn next_now(&mut self) -> Option<TypedItem<S>> {
        loop {
            if let Some(item) = decode(self.inner.reader.try_recv()?) {
                return Some(item);
            }
        }
    }

    fn poll_item(&mut self, cx: &Context<'_>) -> Poll<Option<TypedItem<S>>> {
        loop {
            let Some(item) = ready!(self.inner.reader.poll_recv(cx)) else {
                return Poll::Ready(None);
            };
            if let Some(item) = decode(item) {
                return Poll::Ready(Some(item));
            }
        }
    }

    async fn wait(&mut self, timeout: Duration) -> Result<Option<TypedItem<S>>, Error> {
        let limit = Instant::now().checked_add(timeout);
        let mut left = timeout;
        loop {
            let Some(item) = self.inner.reader.recv_timeout(left).await? else { return Ok(None) };
            if let Some(item) = decode(item) {
                return Ok(Some(item));
            }
            // Skipped events do not extend the timeout.
            left = limit.map_or(timeout, |limit| limit.saturating_duration_since(Instant::now()));
        }
    }
}

impl<S: for<'b> EventSet<'b>> TypedSubscription<S> {
    /// Returns the next item; `None` once the connection has ended and everything was read.
    ///
    /// Cancel-safe: an event that was not returned stays in the queue.
    pub async fn recv(&mut self) -> Option<TypedItem<S>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    /// Returns the next item that is already there.
    pub fn try_recv(&mut self) -> Option<TypedItem<S>> {
        self.next_now()
    }

    /// As [`recv`](Self::recv), for at most `timeout`.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoEvent`](crate::ErrorKind::NoEvent) if no event of the set came in time.
    pub async fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<TypedItem<S>>, Error> {
        self.wait(timeout).await
    }
}

impl<S: for<'b> EventSet<'b>, X: Caller> TypedSubscription<S, X> {
    /// Waits for the next item; `None` once the connection has ended and everything was read.
    pub fn recv(&mut self) -> Option<TypedItem<S>> {
        match self.next_now() {
            Some(item) => Some(item),
            None => self.inner.caller.run(poll_fn(|cx| self.poll_item(cx))),
        }
    }

    /// Returns the next item if one has arrived. Reads what is available without waiting.
    pub fn try_recv(&mut self) -> Option<TypedItem<S>> {
        self.next_now().or_else(|| {
            self.inner.caller.run_now();
            self.next_now()
        })
    }

    /// As [`recv`](Self::recv), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoEvent`](crate::ErrorKind::NoEvent) if no event of the set came in time, and
    /// [`ErrorKind::TimeoutsUnsupported`](crate::ErrorKind::TimeoutsUnsupported) if the stream cannot wait with a deadline.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<TypedItem<S>>, Error> {
        self.inner.caller.run(self.wait(timeout))
    }
}

impl<S: for<'b> EventSet<'b>> Stream for TypedSubscription<S> {
    type Item = TypedItem<S>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<TypedItem<S>>> {
        self.poll_item(cx)
    }
}

impl<S: for<'b> EventSet<'b>, X: Caller> Iterator for TypedSubscription<S, X> {
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

/// Nothing, if the event is outside the set.
fn decode<S: for<'b> EventSet<'b>>(item: EventItem) -> Option<TypedItem<S>> {
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
