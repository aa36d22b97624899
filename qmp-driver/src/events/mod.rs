//! Subscriptions to events.

mod builder;
pub(crate) mod bus;
mod conditions;
mod event_wait;
mod inbox;
mod persistent;
pub(crate) mod queue;
mod reader;
mod subscription;

use qmp_proto::OwnedEvent;

pub use builder::SubscriptionBuilder;
pub use conditions::MemberValue;
pub use event_wait::EventWait;
pub use persistent::PersistentSubscription;
pub use queue::{EventItem, PersistentItem};
pub use subscription::Subscription;

/// An event, shared by all who subscribed to it.
///
/// It shares its bytes with its neighbours, too: a retained event keeps up to 4 KiB of them in
/// memory, which does no harm as long as all are read in turn. Call
/// [`detached`](OwnedEvent::detached) on events that you retain. Those of a subscription with
/// conditions come detached already, unless it wanted all there were.
pub type Event = OwnedEvent;
