//! What comes out of the server.

use core::fmt;

use crate::message::Shown;
use crate::output::NoDescriptor;
use crate::server::{Command, Ticket};

/// What became of the input.
#[derive(Debug)]
#[non_exhaustive]
pub struct Step<'b, F = NoDescriptor> {
    /// How many bytes from the front of the input are done with. The rest is presented again,
    /// unchanged, with more bytes after it.
    pub used: usize,
    /// What they meant. `None`: more bytes are needed, or answers; see
    /// [`Server::wants_input`](crate::server::Server::wants_input).
    pub received: Option<Received<'b, F>>,
}

/// What a client said, borrowed from the input. The caller answers commands; all else is answered
/// already, or as soon as the in-band commands before it are.
#[derive(Debug)]
#[non_exhaustive]
pub enum Received<'b, F = NoDescriptor> {
    /// A command, and the right to answer it.
    Command(Command<'b>, Ticket<F>),
    /// A monitor's client has negotiated: from now on it gets events.
    Negotiated {
        /// Whether it has enabled `oob`.
        out_of_band: bool,
    },
    /// An agent's client has synced, with this number.
    Synced(i64),
    /// Something was refused. One piece of nonsense can be answered with several errors, one after
    /// another.
    Rejected(Rejected<'b>),
}

/// Something that was answered with an error.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Rejected<'b> {
    /// What it was, at most 256 bytes of it.
    pub bytes: &'b [u8],
    /// Why.
    pub reason: Rejection,
}

impl fmt::Display for Rejected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, Shown(self.bytes))
    }
}

/// As `Display`: secrets are masked.
impl fmt::Debug for Rejected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected")
            .field("bytes", &Shown(self.bytes))
            .field("reason", &self.reason)
            .finish()
    }
}

/// Why something was answered with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejection {
    /// It is not JSON, or not what QEMU takes for it.
    ///
    /// A peer that is no QMP client at all begins so: a web browser that was lured into it, say. A
    /// careful monitor closes the connection. The 0xFF with which an agent's client syncs comes
    /// out so too.
    NotJson,
    /// A message that is longer, deeper or has more tokens than the limit.
    BeyondLimit,
    /// JSON, but no request.
    NotARequest,
    /// A command before capabilities were negotiated.
    NotNegotiated,
    /// A negotiation, or a sync, that asks for what it cannot have, or that is over already.
    Handshake,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "bytes that are no JSON",
            Self::BeyondLimit => "a message beyond the limits",
            Self::NotARequest => "a message that is no request",
            Self::NotNegotiated => "a command before capabilities were negotiated",
            Self::Handshake => "a handshake that cannot be granted",
        })
    }
}
