//! Where a connection stands.

use core::fmt;

/// Where a connection stands. See the diagram at [`Client`](crate::Client).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// A monitor has not greeted yet.
    Greeting,
    /// A monitor has greeted: negotiate.
    Greeted,
    /// Negotiation is not answered yet.
    Negotiating,
    /// Nothing is known of the agent: sync.
    Unsynced,
    /// A sync is not answered yet.
    Syncing,
    /// Commands can be sent.
    Ready,
    /// The connection is over.
    Ended,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "waiting for the greeting",
            Self::Greeted => "capabilities are not negotiated",
            Self::Negotiating => "capabilities are being negotiated",
            Self::Unsynced => "the agent is not in sync",
            Self::Syncing => "the agent is being synced",
            Self::Ready => "the connection is ready",
            Self::Ended => "the connection is over",
        })
    }
}
