//! Why a server's connection to a client is over.

use std::fmt;
use std::io;
use std::sync::Arc;

use qmp_proto::Escaped;

/// Why a connection to a client is over.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Hangup {
    /// The client closed it. What it had asked for before was answered, if it still reads.
    ByClient,
    /// We closed it, and all that was said had been written.
    ByUs,
    /// The client did not read what was sent to it: more than is kept for it had to wait, or it
    /// waited for too long after we closed.
    NotReading {
        /// How many bytes waited for the client.
        unsent: usize,
    },
    /// The client sent something that is no JSON, and the server was told to put up with none.
    NotJson(Arc<str>),
    /// The operating system ended it.
    Io(Arc<io::Error>),
}

impl fmt::Display for Hangup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByClient => f.write_str("the client closed the connection"),
            Self::ByUs => f.write_str("the connection was closed on this side"),
            Self::NotReading { unsent } => write!(
                f,
                "the client did not read, and {unsent} bytes waited for it: the connection was \
                 closed on this side"
            ),
            Self::NotJson(shown) => {
                let shown = Escaped(shown);
                write!(f, "the client does not speak QMP, and was hung up on: {shown}")
            }
            Self::Io(error) => write!(f, "the connection broke: {}", Escaped(error)),
        }
    }
}
