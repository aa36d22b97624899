//! Bytes that are not a message.

use core::fmt;

use crate::json::JsonError;
use crate::message::Shown;

/// Bytes that are not a message.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Malformed<'b> {
    /// The offending bytes, at most 256 of them.
    pub bytes: &'b [u8],
    /// What is wrong with them.
    pub reason: MalformedReason,
}

impl fmt::Display for Malformed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, Shown(self.bytes))
    }
}

/// As `Display`: secrets are masked; without the feature `alloc`, the length of the bytes is shown.
impl fmt::Debug for Malformed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Malformed")
            .field("bytes", &Shown(self.bytes))
            .field("reason", &self.reason)
            .finish()
    }
}

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MalformedReason {
    /// Bytes outside any object: a warning printed into the socket, line noise, a bare number.
    Garbage,
    /// An object that is no JSON, or no message twice over.
    Json(JsonError),
    /// An object that is no greeting, answer or event, or more than one of them.
    UnknownMessage,
}

impl fmt::Display for MalformedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Garbage => f.write_str("bytes outside any message"),
            Self::Json(error) => fmt::Display::fmt(error, f),
            Self::UnknownMessage => f.write_str("an object that is no greeting, answer or event"),
        }
    }
}
