//! Ends of a connection.

use core::fmt;

use crate::client::Phase;

/// Why a connection cannot go on. Once returned, it is returned by every later call.
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
    /// A message broke off where brackets alone say where one ends; the next cannot be found.
    FramingLost,
    /// The server could not parse something while several requests were in flight.
    ServerParseError,
    /// An agent was expected, and a monitor greets.
    NotAnAgent,
    /// A monitor greeted again and again, and answered none of the negotiations.
    GreetsWithoutEnd {
        /// How many greetings were taken in the place of an answer.
        greetings: u8,
    },
    /// The stream ended inside a message.
    EndInsideMessage,
    /// The stream ended before the handshake was over.
    EndInHandshake {
        /// Where it stood.
        phase: Phase,
    },
    /// The stream ended with requests unanswered.
    EndWithRequests {
        /// How many, without those that an end is the answer to.
        count: usize,
    },
    /// The stream ended, or was ended by us, with nothing outstanding.
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
                "a message from the server broke off, and where the next begins cannot be told",
            ),
            Self::ServerParseError => f.write_str(
                "the server could not parse a message and does not say which, with several in flight",
            ),
            Self::NotAnAgent => f.write_str("this is a QMP monitor, not a guest agent: it greets"),
            Self::GreetsWithoutEnd { greetings } => write!(
                f,
                "the server greeted more than {greetings} times and answered no negotiation: it is \
                 no QMP monitor, or it starts anew over and over"
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
            Self::Ended => f.write_str("the connection is over"),
        }
    }
}

impl core::error::Error for ProtocolError {}
