//! Bytes that are not a message.

use core::fmt;

use crate::json::JsonError;
use crate::message::Shown;

/// Bytes that are not a message.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Malformed<'b> {
    /// The first 256 of the bytes.
    pub bytes: &'b [u8],
    /// The reason.
    pub reason: MalformedReason,
}

impl fmt::Display for Malformed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, Shown(self.bytes))
    }
}

/// Masks secrets, as `Display` does. Without the feature `alloc`, only the length of the bytes is
/// shown.
impl fmt::Debug for Malformed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Malformed")
            .field("bytes", &Shown(self.bytes))
            .field("reason", &self.reason)
            .finish()
    }
}

/// The reason why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MalformedReason {
    /// Bytes outside of objects, such as a printed warning, line noise, or a number.
    Garbage,
    /// An object that is not valid JSON, or has duplicate members of a message.
    Json(JsonError),
    /// An object that is not a greeting, a reply or an event, or more than one of these.
    UnknownMessage,
}

impl fmt::Display for MalformedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Garbage => f.write_str("bytes outside any message"),
            Self::Json(error) => fmt::Display::fmt(error, f),
            Self::UnknownMessage => {
                f.write_str("an object that is not a greeting, a reply or an event")
            }
        }
    }
}
