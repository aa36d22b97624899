//! Waiting for events, and subscriptions to them.

use std::fmt;
use std::time::{Duration, Instant};

use qmp_driver::{
    Cause, Disconnect, Error, Event, EventItem, Json, MemberValue, OwnedEvent, PersistentItem,
};

use crate::client::Client;
use crate::stream::Stream;
use crate::thread::Stopped;

/// A wait for one event, with conditions; without any, for the next event.
#[must_use = "nothing is awaited before `run`"]
pub struct EventWait<'c, S: Stream> {
    client: &'c Client<S>,
    wait: qmp_driver::EventWait<'c>,
    has_deadline: bool,
}

impl<'c, S: Stream> EventWait<'c, S> {
    pub(crate) const fn new(client: &'c Client<S>, wait: qmp_driver::EventWait<'c>) -> Self {
        Self { client, wait, has_deadline: false }
    }

    /// Selects events by name; called again, those with another name, too.
    pub fn named(mut self, name: &str) -> Self {
        self.wait = self.wait.named(name);
        self
    }

    /// Selects events whose data has this member with this value.
    pub fn member(mut self, name: &str, value: impl Into<MemberValue>) -> Self {
        self.wait = self.wait.member(name, value);
        self
    }

    /// Selects events whose data [contains](qmp_driver::EventWait::containing) this.
    pub fn containing(mut self, data: Json<'_>) -> Self {
        self.wait = self.wait.containing(data);
        self
    }

    /// Selects events for which the predicate returns `true`, in addition to the other conditions.
    pub fn matching(mut self, predicate: impl FnMut(&OwnedEvent) -> bool + Send + 'c) -> Self {
        self.wait = self.wait.matching(predicate);
        self
    }

    /// Sets how long to wait, counted from [`run`](Self::run). Default: forever.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.has_deadline = true;
        self.wait = self.wait.deadline(deadline);
        self
    }

    /// Waits for the event.
    ///
    /// # Errors
    ///
    /// If the deadline passes, events were dropped before it saw them ([`Cause::EventsLost`]), or the
    /// connection has ended and no such event is left.
    pub fn run(self) -> Result<Event, Error> {
        self.client.check_deadline(self.has_deadline)?;
        self.client.thread.run(self.wait)
    }
}

impl<S: Stream> fmt::Debug for EventWait<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wait.fmt(f)
    }
}

/// Makes a [`Subscription`] or a [`PersistentSubscription`]; without conditions, to all events.
#[must_use = "nothing is subscribed before `subscribe`"]
pub struct SubscriptionBuilder<'c, S: Stream> {
    client: &'c Client<S>,
    builder: qmp_driver::SubscriptionBuilder<'c>,
}

impl<'c, S: Stream> SubscriptionBuilder<'c, S> {
    pub(crate) const fn new(
        client: &'c Client<S>,
        builder: qmp_driver::SubscriptionBuilder<'c>,
    ) -> Self {
        Self { client, builder }
    }

    /// Selects events by name; called again, those with another name, too.
    pub fn named(mut self, name: &str) -> Self {
        self.builder = self.builder.named(name);
        self
    }

    /// Selects events whose data has this member with this value.
    pub fn member(mut self, name: &str, value: impl Into<MemberValue>) -> Self {
        self.builder = self.builder.member(name, value);
        self
    }

    /// Selects events whose data [contains](qmp_driver::SubscriptionBuilder::containing) this.
    pub fn containing(mut self, data: Json<'_>) -> Self {
        self.builder = self.builder.containing(data);
        self
    }

    /// Selects events for which the predicate returns `true`, in addition to the other conditions. It
    /// runs whenever events are read; if it panics, this subscription ends.
    pub fn matching(
        mut self,
        predicate: impl Fn(&OwnedEvent) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.builder = self.builder.matching(predicate);
        self
    }

    /// Includes the last events before this call: up to 64, or as many as 4 MiB hold.
    ///
    /// They are kept from connecting until the first subscription or wait of the client, whether it
    /// asks for them or not; later ones find none.
    pub fn with_backlog(mut self) -> Self {
        self.builder = self.builder.with_backlog();
        self
    }

    /// Sets how many events, and how many bytes of them, are kept until they are read. Default: 4096
    /// events, 4 MiB. One event always fits.
    pub fn limits(mut self, events: usize, bytes: usize) -> Self {
        self.builder = self.builder.limits(events, bytes);
        self
    }

    /// Subscribes to the events of the current connection, from this moment on. The subscription ends
    /// with the connection.
    pub fn subscribe(self) -> Subscription<'c, S> {
        Subscription { client: self.client, inner: self.builder.subscribe() }
    }

    /// Subscribes to the events of the current connection and all that follow it, from this moment
    /// on.
    pub fn subscribe_persistent(self) -> PersistentSubscription<'c, S> {
        PersistentSubscription { client: self.client, inner: self.builder.subscribe_persistent() }
    }
}

impl<S: Stream> fmt::Debug for SubscriptionBuilder<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.builder.fmt(f)
    }
}

/// A subscription to the events of one connection: an iterator that waits, and that ends when the
/// connection has ended and everything was read.
pub struct Subscription<'c, S: Stream> {
    client: &'c Client<S>,
    inner: qmp_driver::Subscription,
}

impl<S: Stream> Subscription<'_, S> {
    /// Waits for the next event, or the count of those that were not read in time; `None` once the
    /// connection has ended and everything was read.
    pub fn recv(&mut self) -> Option<EventItem> {
        match self.inner.try_recv() {
            Some(item) => Some(item),
            None => self.client.thread.run(self.inner.recv()),
        }
    }

    /// Returns the next item that has come, without waiting: reads what is in the socket.
    pub fn try_recv(&mut self) -> Option<EventItem> {
        match self.inner.try_recv() {
            Some(item) => Some(item),
            None => {
                self.client.thread.run_now();
                self.inner.try_recv()
            }
        }
    }

    /// As [`recv`](Self::recv), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`Cause::NoEvent`] if nothing came in time, and if the stream cannot wait with a deadline.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<EventItem>, Error> {
        self.client.check_deadline(true)?;
        self.client.thread.run(self.inner.recv_timeout(timeout))
    }

    /// Returns all items that have come, without waiting.
    pub fn drain(&mut self) -> Vec<EventItem> {
        self.client.thread.run_now();
        self.inner.drain()
    }

    /// Waits for one event of this subscription, with further conditions. Events that do not match
    /// [stay in the queue](qmp_driver::Subscription::event).
    pub fn event(&mut self) -> EventWait<'_, S> {
        EventWait::new(self.client, self.inner.event())
    }

    /// Why the connection has ended, if that is known: nothing is read to find out.
    pub fn end_reason(&self) -> Option<Disconnect> {
        self.inner.end_reason()
    }
}

impl<S: Stream> Iterator for Subscription<'_, S> {
    type Item = EventItem;

    fn next(&mut self) -> Option<EventItem> {
        self.recv()
    }
}

impl<S: Stream> fmt::Debug for Subscription<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// A subscription to the events of all connections of a client, which tells where a connection ended
/// and where another began.
pub struct PersistentSubscription<'c, S: Stream> {
    client: &'c Client<S>,
    inner: qmp_driver::PersistentSubscription,
}

impl<S: Stream> PersistentSubscription<'_, S> {
    /// Waits for the next event, count of events that were not read in time, or change of the
    /// connection.
    ///
    /// # Errors
    ///
    /// [`Cause::Disconnected`] if everything was read and the connection has ended: nothing comes
    /// before [`Client::reconnect`].
    pub fn recv(&mut self) -> Result<PersistentItem, Error> {
        self.recv_until(None)
    }

    /// As [`recv`](Self::recv), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), [`Cause::NoEvent`] if nothing came in time, and if the stream cannot
    /// wait with a deadline.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<PersistentItem, Error> {
        self.client.check_deadline(true)?;
        self.recv_until(Some(timeout))
    }

    fn recv_until(&mut self, timeout: Option<Duration>) -> Result<PersistentItem, Error> {
        let limit = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let cause = match self.client.thread.try_run(self.inner.recv(), limit) {
            Ok(Some(item)) => return Ok(item),
            Err(Stopped::TimedOut) => {
                Cause::NoEvent { waited: timeout.unwrap_or_default(), names: Vec::new() }
            }
            Ok(None) | Err(Stopped::Stuck) => match self.client.state() {
                qmp_driver::State::Closed(reason) => Cause::Disconnected { reason, sent: false },
                _ => Cause::Disconnected { reason: Disconnect::ByUs, sent: false },
            },
        };
        Err(Error::new(cause).with_peer(&self.client.peer()))
    }

    /// Returns the next item that has come, without waiting: reads what is in the socket.
    pub fn try_recv(&mut self) -> Option<PersistentItem> {
        match self.inner.try_recv() {
            Some(item) => Some(item),
            None => {
                self.client.thread.run_now();
                self.inner.try_recv()
            }
        }
    }
}

impl<S: Stream> fmt::Debug for PersistentSubscription<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
