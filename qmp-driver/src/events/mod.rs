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
mod typed;
mod typed_persistent;

use qmp_proto::OwnedEvent;

pub use builder::SubscriptionBuilder;
pub use conditions::MemberValue;
pub use event_wait::EventWait;
pub use persistent::PersistentSubscription;
pub use queue::{EventItem, PersistentItem};
pub use subscription::Subscription;
pub use typed::{Decoded, TypedItem, TypedSubscription};
pub use typed_persistent::{TypedPersistentItem, TypedPersistentSubscription};

/// An event, shared by all subscribers.
///
/// Events that arrive together share a buffer, so a retained event can keep up to 4 KiB of them in
/// memory. Call [`detached`](OwnedEvent::detached) on events that you retain. A subscription with
/// conditions yields detached events, except when all events of a read match.
pub type Event = OwnedEvent;
