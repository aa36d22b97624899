//! Where a connection stands.

use core::fmt;

/// Where a connection stands. See the diagram at [`Server`](crate::server::Server).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// The client was not greeted yet.
    Greeting,
    /// The client has to negotiate capabilities; it gets no events, and no command is run.
    Negotiating,
    /// Commands are taken, and a monitor sends events.
    Ready,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "the client was not greeted yet",
            Self::Negotiating => "the client has not negotiated capabilities",
            Self::Ready => "the connection is ready",
        })
    }
}
