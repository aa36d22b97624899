//! Why the connection to a client ended.

use std::fmt;
use std::io;
use std::sync::Arc;

use qmp_proto::Escaped;

/// The reason why the connection to a client ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client closed the connection. Commands that it sent before were answered, if it still
    /// reads.
    ByClient,
    /// The server closed the connection after everything was written.
    ByUs,
    /// The client did not read: the limit of buffered events was reached, or the deadline for
    /// closing passed.
    #[non_exhaustive]
    NotReading {
        /// How many bytes the client had not read.
        unsent: usize,
    },
    /// The client sent something that is not JSON, and the server does not tolerate that.
    NotJson(Arc<str>),
    /// The operating system ended the connection.
    Io(Arc<io::Error>),
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByClient => f.write_str("the client closed the connection"),
            Self::ByUs => f.write_str("the connection was closed on this side"),
            Self::NotReading { unsent } => write!(
                f,
                "the client did not read {unsent} buffered bytes: the connection was closed on \
                 this side"
            ),
            Self::NotJson(shown) => {
                let shown = Escaped(shown);
                write!(f, "the client does not speak QMP, so its connection was closed: {shown}")
            }
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
