//! Why a connection ended.

use std::fmt;
use std::io;
use std::sync::Arc;

use qmp_proto::{Escaped, OwnedFailure, ProtocolError};

/// The reason why a connection ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CloseReason {
    /// The server closed the connection while no command was unanswered, as it does after `quit`.
    Closed,
    /// The client closed the connection.
    ByUs,
    /// The server closed the connection, or sent a message, at a time when it must not.
    Protocol(ProtocolError),
    /// The server sent something that is not a message, possibly a reply.
    Malformed(Arc<str>),
    /// The server could not parse a message, and its error does not identify which of several in
    /// flight.
    NotParsed(Arc<OwnedFailure>),
    /// The handshake was refused or not answered.
    Handshake(Arc<str>),
    /// The operating system ended the connection.
    Io(Arc<io::Error>),
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the server closed the connection"),
            Self::ByUs => f.write_str("the connection was closed on this side"),
            Self::Protocol(error) => error.fmt(f),
            Self::Malformed(shown) => {
                write!(f, "the server sent something that is not a message: {}", Escaped(shown))
            }
            Self::NotParsed(failure) => write!(
                f,
                "the server could not parse a message, and its error does not identify which of \
                 several in flight: {failure}"
            ),
            Self::Handshake(reason) => write!(f, "the handshake failed: {}", Escaped(reason)),
            Self::Io(error) => write!(f, "the connection failed: {}", Escaped(error)),
        }
    }
}

/// The source is the operating system's error, if there is one.
impl std::error::Error for CloseReason {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(&**error),
            _ => None,
        }
    }
}
