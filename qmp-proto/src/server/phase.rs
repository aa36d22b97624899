//! The phases of a connection.

use core::fmt;

/// The phase of a connection. See the diagram at [`Server`](crate::server::Server).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// The greeting was not sent yet.
    Greeting,
    /// The client has to negotiate capabilities. Until then it receives no events, and its commands
    /// are refused.
    Negotiating,
    /// Commands are accepted, and a monitor sends events.
    Ready,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "the greeting was not sent yet",
            Self::Negotiating => "the client has not negotiated capabilities",
            Self::Ready => "the connection is ready",
        })
    }
}
