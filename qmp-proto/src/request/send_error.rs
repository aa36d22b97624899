//! Errors of requests that were not sent.

use core::fmt;

use crate::client::Phase;
use crate::json::JsonError;
use crate::output::{BufferFull, NoDescriptor};
use crate::request::RequestId;

/// The request was not sent: no part of it is in the output. Contains the arguments of the call.
#[derive(Debug)]
#[non_exhaustive]
pub struct SendError<T, F = NoDescriptor> {
    /// The reason.
    pub reason: SendErrorKind,
    /// The token of the request.
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

/// The reason why a message was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendErrorKind {
    /// The phase of the connection does not allow the message.
    Phase(Phase),
    /// A sync of a monitor, or a negotiation with an agent.
    OtherDialect,
    /// The in-flight limit is reached. Send the request again after a reply.
    TooManyInFlight {
        /// The limit.
        limit: usize,
    },
    /// The unanswered commands and this one together reach the number of bytes at which a guest
    /// agent can lose replies. Send the command again after a reply.
    TooManyBytesInFlight {
        /// The limit in bytes. The sum has to stay below it.
        limit: usize,
    },
    /// The in-flight limit is reached by abandoned commands alone, which the server has not
    /// answered. It may be busy. [Sync](crate::Client::sync) with an agent again to free them.
    HeldByAbandoned {
        /// The oldest of them.
        oldest: RequestId,
    },
    /// A request with a descriptor is unanswered. The server could assign the descriptors to the
    /// wrong requests, so the second request has to wait for the reply.
    DescriptorInFlight,
    /// The server does not offer the capability.
    NotOffered,
    /// `exec-oob` without the capability `oob`, or to an agent.
    NoOutOfBand,
    /// The name of the command contains other characters than letters, digits, `-`, `_` and `.`, is
    /// empty, or is longer than 255 bytes.
    InvalidName,
    /// QEMU would not read the arguments or the raw message as one message.
    Json(JsonError),
    /// The value cannot be serialized, for this reason.
    #[cfg(feature = "serde")]
    Unserializable(alloc::string::String),
    /// The message is longer than 64 MiB, the limit of a server.
    TooLong,
    /// The message does not fit into the output buffer.
    BufferFull,
    /// The server has already sent a greeting.
    Greeted,
    /// The client of the server receives no events, because it has not negotiated yet or the server
    /// is an agent.
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
                f.write_str("monitors do not sync, and guest agents do not negotiate")
            }
            Self::TooManyInFlight { limit } => {
                write!(f, "{limit} requests are unanswered, which is the in-flight limit")
            }
            Self::TooManyBytesInFlight { limit } => write!(
                f,
                "this command and the unanswered ones have {limit} bytes or more together, and a \
                 guest agent could lose replies"
            ),
            Self::HeldByAbandoned { .. } => f.write_str(
                "all requests in flight were abandoned, and the server has not answered them; sync \
                 with an agent again to free them",
            ),
            Self::DescriptorInFlight => f.write_str(
                "another request with a descriptor is unanswered; send this one after its reply",
            ),
            Self::NotOffered => f.write_str("the server does not offer this capability"),
            Self::NoOutOfBand => f.write_str(
                "out-of-band commands need the capability \"oob\", which is not enabled",
            ),
            Self::InvalidName => f.write_str(
                "the name of a command has 1 to 255 characters: letters, digits, '-', '_' and '.'",
            ),
            Self::Json(error) => fmt::Display::fmt(error, f),
            #[cfg(feature = "serde")]
            Self::Unserializable(reason) => {
                write!(f, "the arguments cannot be serialized: {}", crate::Escaped(reason))
            }
            Self::TooLong => f.write_str("the message is longer than 64 MiB, QEMU's limit"),
            Self::BufferFull => fmt::Display::fmt(&BufferFull, f),
            Self::Greeted => f.write_str("the greeting was already sent"),
            Self::NoEvents => f.write_str(
                "only a monitor's client that has negotiated capabilities receives events",
            ),
        }
    }
}

impl core::error::Error for SendErrorKind {}
