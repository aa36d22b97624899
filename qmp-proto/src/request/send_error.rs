//! Requests that cannot be sent now.

use core::fmt;

use crate::client::Phase;
use crate::json::JsonError;
use crate::output::{BufferFull, NoDescriptor};
use crate::request::RequestId;

/// A request that was not sent: nothing of it is in the output. What was passed in comes back.
#[derive(Debug)]
#[non_exhaustive]
pub struct SendError<T, F = NoDescriptor> {
    /// Why.
    pub reason: SendErrorKind,
    /// The caller's token.
    pub token: T,
    /// The descriptor of the request, if it had one.
    pub descriptor: Option<F>,
}

impl<T, F> fmt::Display for SendError<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.reason, f)
    }
}

impl<T: fmt::Debug, F: fmt::Debug> core::error::Error for SendError<T, F> {}

/// Why something cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendErrorKind {
    /// The connection is not in the phase for it.
    Phase(Phase),
    /// A monitor is not synced, and an agent does not negotiate.
    OtherDialect,
    /// As many requests are unanswered as may be. Send it again when an answer has come.
    TooManyInFlight {
        /// How many may be.
        limit: usize,
    },
    /// The unanswered commands and this one together reach the number of bytes at which a guest agent
    /// can lose replies. Send the command again after a reply.
    TooManyBytesInFlight {
        /// The limit in bytes. The sum has to stay below it.
        limit: usize,
    },
    /// The in-flight limit is reached by abandoned commands alone, which the server has not answered.
    /// It may be busy. [Sync](crate::Client::sync) with an agent again to free them.
    HeldByAbandoned {
        /// The first of them that was sent.
        oldest: RequestId,
    },
    /// A request with a descriptor is unanswered. A second one could be given the wrong file, so
    /// it has to wait for the answer.
    DescriptorInFlight,
    /// The capability was not offered by the server.
    NotOffered,
    /// `exec-oob` without the capability `oob`, or to an agent.
    NoOutOfBand,
    /// The name of the command has something else than letters, digits, `-`, `_` and `.` in it, or
    /// is empty or longer than 255 bytes.
    InvalidName,
    /// The arguments, or the raw message, are not what QEMU would read as one message.
    Json(JsonError),
    /// The arguments cannot be serialized; serde says why.
    #[cfg(feature = "serde")]
    Unserializable(alloc::string::String),
    /// The message is longer than the 64 MiB that a server reads as one.
    TooLong,
    /// There is no room for the message in the output.
    BufferFull,
    /// A server has greeted its client already.
    Greeted,
    /// The client of a server gets no events: it has not negotiated yet, or talks to an agent.
    NoEvents,
}

impl From<BufferFull> for SendErrorKind {
    fn from(BufferFull: BufferFull) -> Self {
        Self::BufferFull
    }
}

impl From<JsonError> for SendErrorKind {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

impl fmt::Display for SendErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phase(phase) => write!(f, "cannot send this while {phase}"),
            Self::OtherDialect => {
                f.write_str("a monitor is not synced, and a guest agent does not negotiate")
            }
            Self::TooManyInFlight { limit } => {
                write!(f, "{limit} requests are unanswered, and no more may be at once")
            }
            Self::TooManyBytesInFlight { limit } => write!(
                f,
                "this command and those that are unanswered have {limit} bytes or more together, and \
                 a guest agent can lose answers then"
            ),
            Self::HeldByAbandoned { .. } => f.write_str(
                "all requests in flight were abandoned and the server has not answered them yet; an \
                 agent can be synced again, which frees them",
            ),
            Self::DescriptorInFlight => f.write_str(
                "another request with a descriptor is unanswered; a second could get the wrong file",
            ),
            Self::NotOffered => f.write_str("the server does not offer this capability"),
            Self::NoOutOfBand => {
                f.write_str("out-of-band commands need the capability \"oob\", which is not enabled")
            }
            Self::InvalidName => f.write_str(
                "a command's name has 1 to 255 letters, digits, '-', '_' and '.', and nothing else",
            ),
            Self::Json(error) => fmt::Display::fmt(error, f),
            #[cfg(feature = "serde")]
            Self::Unserializable(reason) => {
                write!(f, "arguments cannot be serialized: {}", crate::Escaped(reason))
            },
            Self::TooLong => f.write_str("the message is longer than 64 MiB, QEMU's limit"),
            Self::BufferFull => fmt::Display::fmt(&BufferFull, f),
            Self::Greeted => f.write_str("the client was greeted already"),
            Self::NoEvents => f.write_str(
                "events go to clients that have negotiated capabilities, and not to those of an agent",
            ),
        }
    }
}

impl core::error::Error for SendErrorKind {}
