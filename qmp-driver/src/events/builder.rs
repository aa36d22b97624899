//! Building a subscription.

use std::fmt;
use std::sync::Arc;

use qmp_proto::{EventSet, OwnedEvent, RawJson};

use crate::caller::Spawned;
use crate::client::link::Link;
use crate::events::conditions::{Conditions, MemberValue};
use crate::events::inbox::{Inbox, Predicate, Span};
use crate::events::queue::{DEFAULT_LIMITS, EventQueue};
use crate::events::reader::{PersistentReader, Reader};
use crate::events::{
    PersistentSubscription, Subscription, TypedPersistentSubscription, TypedSubscription,
};

/// Builds a [`Subscription`] or a [`PersistentSubscription`]. Without conditions it receives all
/// events.
#[must_use = "nothing is subscribed before `subscribe`"]
pub struct SubscriptionBuilder<'c, X = Spawned> {
    caller: X,
    link: &'c Arc<Link>,
    conditions: Conditions,
    predicate: Option<Predicate>,
    limits: (usize, usize),
    backlog: bool,
}

impl<'c> SubscriptionBuilder<'c> {
    pub(crate) fn new(link: &'c Arc<Link>) -> Self {
        let conditions = Conditions::default();
        Self {
            caller: Spawned,
            link,
            conditions,
            predicate: None,
            limits: DEFAULT_LIMITS,
            backlog: false,
        }
    }
}

impl<'c, X> SubscriptionBuilder<'c, X> {
    /// Returns the same builder, for subscriptions that another caller reads.
    #[doc(hidden)]
    pub fn with_caller<Y>(self, caller: Y) -> SubscriptionBuilder<'c, Y> {
        let Self { link, conditions, predicate, limits, backlog, .. } = self;
        SubscriptionBuilder { caller, link, conditions, predicate, limits, backlog }
    }

    /// Selects events by name. Can be called several times to select several names.
    pub fn named(mut self, name: &str) -> Self {
        self.conditions.add_name(name);
        self
    }

    /// Selects events whose data has this member with this value.
    pub fn member(mut self, name: &str, value: impl Into<MemberValue>) -> Self {
        self.conditions.add_member(name, value.into());
        self
    }

    /// Selects events whose data contains `data`: every member of an object with the same value, at
    /// any level. Arrays are compared as a whole.
    pub fn containing(mut self, data: RawJson<'_>) -> Self {
        self.conditions.add_json(data);
        self
    }

    /// Selects events for which the predicate returns `true`, in addition to the other conditions.
    ///
    /// The predicate runs in the driver, which reads nothing meanwhile: keep it short. If it
    /// panics, this subscription ends.
    pub fn matching(
        mut self,
        predicate: impl Fn(&OwnedEvent) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.predicate = Some(Box::new(predicate));
        self
    }

    /// Includes the last events before this call: up to 64 events and 4 MiB.
    ///
    /// Events are buffered from connecting until the client's first subscription or wait for an
    /// event, whether or not that one uses the backlog. Later subscriptions find none.
    pub fn with_backlog(mut self) -> Self {
        self.backlog = true;
        self
    }

    /// Sets how many events, and how many bytes of events, are buffered for a slow subscriber.
    /// Default: 4096 events, 4 MiB. A single event may exceed the limit.
    ///
    /// A subscriber that keeps up loses no events: if a queue of at least 256 events is nearly
    /// full, the driver stops reading for up to 10 ms, until the subscriber takes events. This
    /// delays no reply, because the driver does not stop while a command is in flight. If the
    /// subscriber takes nothing in that time, the driver does not wait for it again until it does.
    ///
    /// A subscriber takes over the whole queue when it has read what it took before, so a
    /// subscription can hold twice the limits. In addition to the messages, each half may retain 4
    /// KiB of bytes of events that were already read, and about 80 bytes per event.
    pub fn limits(mut self, events: usize, bytes: usize) -> Self {
        self.limits = (events, bytes);
        self
    }

    /// Subscribes to the events of the current connection, starting now. The subscription ends with
    /// the connection.
    pub fn subscribe(self) -> Subscription<X> {
        let (reader, caller) = self.join(Span::Connection);
        Subscription { reader, caller }
    }

    /// Subscribes to the events of a set and decodes them. The set is a
    /// [`TypedEvent`](crate::TypedEvent), or an enum of several.
    ///
    /// Like [`subscribe`](Self::subscribe), with the names of the set as a condition.
    pub fn subscribe_to<S: for<'b> EventSet<'b>>(mut self) -> TypedSubscription<S, X> {
        S::NAMES.iter().for_each(|name| self.conditions.add_name(name));
        TypedSubscription::new(self.subscribe())
    }

    /// Subscribes to the events of the current connection and of all later ones, starting now. The
    /// subscription ends with the client.
    pub fn subscribe_persistent(self) -> PersistentSubscription<X> {
        let link = Arc::clone(self.link);
        let (reader, caller) = self.join(Span::Client);
        PersistentSubscription { reader: PersistentReader::new(reader, link), caller }
    }

    /// Subscribes to the events of a set and decodes them. The set is a
    /// [`TypedEvent`](crate::TypedEvent), or an enum of several.
    ///
    /// Like [`subscribe_persistent`](Self::subscribe_persistent), with the names of the set as a
    /// condition.
    pub fn subscribe_persistent_to<S: for<'b> EventSet<'b>>(
        mut self,
    ) -> TypedPersistentSubscription<S, X> {
        S::NAMES.iter().for_each(|name| self.conditions.add_name(name));
        TypedPersistentSubscription::new(self.subscribe_persistent())
    }

    fn join(self, span: Span) -> (Reader, X) {
        let connection = self.link.connection();
        let mut passed = EventQueue::with_limits(self.limits.0, self.limits.1);
        let inbox = Inbox::new(self.conditions, self.predicate, span, self.limits);
        let backlog = connection.common.bus.subscribe(&inbox);
        for event in backlog.iter().filter(|event| self.backlog && inbox.wants(event)) {
            passed.push(event.detached(), event.message().len());
        }
        (Reader::new(inbox, passed, connection), self.caller)
    }
}

impl<X> fmt::Debug for SubscriptionBuilder<'_, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionBuilder")
            .field("names", &self.conditions.names())
            .finish_non_exhaustive()
    }
}
