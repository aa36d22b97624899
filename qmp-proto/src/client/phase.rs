//! The phases of a connection.

use core::fmt;

/// The phase of a connection. See the diagram at [`Client`](crate::Client).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// The monitor's greeting has not arrived.
    Greeting,
    /// The greeting has arrived, and negotiation is next.
    Greeted,
    /// The negotiation was sent, and its reply has not arrived.
    Negotiating,
    /// The agent has to be synced.
    Unsynced,
    /// A sync was sent, and its reply has not arrived.
    Syncing,
    /// Commands can be sent.
    Ready,
    /// The connection has ended.
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
            Self::Ended => "the connection has ended",
        })
    }
}
