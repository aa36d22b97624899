//! What a server receives.

use core::fmt;

use crate::message::Shown;
use crate::server::{Command, Ticket};

/// The result of one call of [`Server::handle_input`](crate::server::Server::handle_input).
#[derive(Debug)]
#[non_exhaustive]
pub struct Step<'b> {
    /// The number of bytes from the start of the input that were used. The rest has to be passed
    /// again, unchanged, followed by more bytes.
    pub used: usize,
    /// What was received. `None` if more bytes are needed, or replies; see
    /// [`Server::wants_input`](crate::server::Server::wants_input).
    pub received: Option<Received<'b>>,
}

/// A request of a client, borrowed from the input. The caller replies to commands; the server
/// replies to everything else itself.
#[derive(Debug)]
#[non_exhaustive]
pub enum Received<'b> {
    /// A command, and the ticket for its reply.
    Command(Command<'b>, Ticket),
    /// The client of a monitor has negotiated, and receives events from now on.
    Negotiated {
        /// Whether the client has enabled `oob`.
        out_of_band: bool,
    },
    /// The client of an agent has synced, with this number.
    Synced(i64),
    /// An invalid request was refused. Invalid bytes can cause several error replies in a row.
    Rejected(Rejected<'b>),
}

/// An invalid request, to which the server replied with an error.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Rejected<'b> {
    /// The first 256 bytes of the request.
    pub bytes: &'b [u8],
    /// The reason.
    pub reason: Rejection,
}

impl fmt::Display for Rejected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, Shown(self.bytes))
    }
}

/// Masks secrets, as `Display` does.
impl fmt::Debug for Rejected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected")
            .field("bytes", &Shown(self.bytes))
            .field("reason", &self.reason)
            .finish()
    }
}

/// The reason why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejection {
    /// The bytes are not JSON by QEMU's rules.
    ///
    /// This is the first input of peers that are not QMP clients, such as a web browser that was
    /// tricked into connecting; a careful monitor closes the connection. The 0xFF that precedes an
    /// agent's sync is reported like this, too.
    NotJson,
    /// The message exceeds the limit of length, depth or tokens.
    BeyondLimit,
    /// The message is JSON, but not a request.
    NotARequest,
    /// The command was sent before the negotiation of capabilities.
    NotNegotiated,
    /// The negotiation or sync is invalid, or the negotiation is already complete.
    Handshake,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "bytes that are not JSON",
            Self::BeyondLimit => "a message over the limits",
            Self::NotARequest => "a message that is not a request",
            Self::NotNegotiated => "a command before the negotiation of capabilities",
            Self::Handshake => "an invalid handshake",
        })
    }
}
