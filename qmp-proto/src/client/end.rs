//! Errors that end a connection.

use core::fmt;

use crate::client::Phase;

/// An error that ends a connection. After the first one, every later call returns the same error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A message is longer than the limit.
    MessageTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A message has more levels than the limit.
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A message was cut off on a connection where only brackets delimit messages, so the start of
    /// the next one is unknown.
    FramingLost,
    /// The server could not parse a message while several requests were in flight.
    ServerParseError,
    /// The server is a monitor, but an agent was expected.
    NotAnAgent,
    /// A monitor sent one greeting after another and replied to none of the negotiations.
    GreetsWithoutEnd {
        /// The number of greetings that arrived instead of a reply.
        greetings: u8,
    },
    /// The stream ended inside a message.
    EndInsideMessage,
    /// The stream ended before the handshake was complete.
    EndInHandshake {
        /// The phase at the end.
        phase: Phase,
    },
    /// The stream ended with requests unanswered.
    EndWithRequests {
        /// The number of unanswered requests, without those for which the end is expected.
        count: usize,
    },
    /// The stream ended, or the client ended the connection, with nothing outstanding.
    Ended,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MessageTooLong { limit } => {
                write!(f, "the server sent a message longer than the limit of {limit} bytes")
            }
            Self::TooDeep { limit } => {
                write!(f, "the server sent a message nested deeper than the limit of {limit} levels")
            }
            Self::FramingLost => f.write_str(
                "the server's message was cut off, and the start of the next one is unknown",
            ),
            Self::ServerParseError => f.write_str(
                "the server could not parse one of several messages in flight and did not state which",
            ),
            Self::NotAnAgent => f.write_str("this is a QMP monitor, not a guest agent: it greets"),
            Self::GreetsWithoutEnd { greetings } => write!(
                f,
                "the server greeted more than {greetings} times and replied to no negotiation: it is \
                 not a QMP monitor, or it restarts again and again"
            ),
            Self::EndInsideMessage => {
                f.write_str("the server closed the connection inside a message")
            }
            Self::EndInHandshake { phase } => {
                write!(f, "the server closed the connection: {phase}")
            }
            Self::EndWithRequests { count: 1 } => {
                f.write_str("the server closed the connection with a request unanswered")
            }
            Self::EndWithRequests { count } => {
                write!(f, "the server closed the connection with {count} requests unanswered")
            }
            Self::Ended => f.write_str("the connection has ended"),
        }
    }
}

impl core::error::Error for ProtocolError {}
