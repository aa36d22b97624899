//! Messages of a server, borrowed from the received bytes or owned.

mod event;
mod failure;
mod greeting;
#[cfg(feature = "alloc")]
mod owned;
#[cfg(feature = "alloc")]
mod owned_event;
#[cfg(feature = "alloc")]
mod owned_raw_json;
mod raw_json;
mod reply;
#[cfg(feature = "alloc")]
mod reply_place;
mod shown;
#[cfg(feature = "alloc")]
mod with_id;

pub use event::{Event, Timestamp};
pub use failure::{ErrorClass, Failure};
pub use greeting::{Capabilities, Greeting, Version};
#[cfg(feature = "alloc")]
pub use owned::{OwnedFailure, OwnedGreeting, OwnedReply};
#[cfg(feature = "alloc")]
pub use owned_event::OwnedEvent;
#[cfg(feature = "alloc")]
pub use owned_raw_json::OwnedRawJson;
pub use raw_json::{BodyError, RawJson};
pub use reply::Reply;
#[cfg(feature = "alloc")]
pub use reply_place::ReplyPlace;

pub(crate) use greeting::inside_quotes;
pub(crate) use raw_json::Body;
pub(crate) use shown::{Shown, show};

/// A message of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Message<'b> {
    Greeting(Greeting<'b>),
    Reply(Reply<'b>),
    Failure(Failure<'b>),
    Event(Event<'b>),
}
