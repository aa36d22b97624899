//! What a client receives.

use core::fmt;

use crate::message::{Event, Failure, Greeting, Reply, show};
use crate::request::RequestId;
use crate::wire::Malformed;

/// The result of one call of [`Client::handle_input`](crate::Client::handle_input).
#[derive(Debug)]
#[non_exhaustive]
pub struct Step<'b, T> {
    /// The number of bytes from the start of the input that were used. The rest has to be passed
    /// again, unchanged, followed by more bytes.
    pub used: usize,
    /// What was received. `None` if more bytes are needed.
    pub received: Option<Received<'b, T>>,
}

/// A message of a server, or a change of state, borrowed from the input.
#[non_exhaustive]
pub enum Received<'b, T> {
    /// The greeting of a monitor. Negotiate next.
    Greeting(Greeting<'b>),
    /// Another greeting, as of a restarted monitor. Negotiate again. The requests in flight are
    /// lost and are received as [`Unanswered`](Self::Unanswered) next.
    Restarted(Greeting<'b>),
    /// An error reply before the greeting. The server may refuse the connection ("too many
    /// clients"): report the error if the connection ends before a greeting arrives. A greeting may
    /// still follow, because the error can be a reply to the previous client.
    ErrorBeforeGreeting(Failure<'b>),
    /// The handshake has succeeded. Commands can be sent.
    Ready,
    /// The handshake has failed. It can be tried again.
    HandshakeFailed(Failure<'b>),
    /// The reply to a request.
    Reply(CommandReply<'b, T>),
    /// A request to which no reply will arrive.
    Unanswered(Unanswered<T>),
    /// An event.
    Event(Event<'b>),
    /// A reply that belongs to no request: to a command of the previous client, or a duplicate.
    Stray(&'b [u8]),
    /// The server could not parse one of several requests in flight, and did not state which. The
    /// connection has ended: the next call returns the error.
    ServerParseError(Failure<'b>),
    /// Bytes that are not a message. They may contain a lost reply, so a careful caller closes a
    /// monitor's connection. Reading can continue.
    Malformed(Malformed<'b>),
    /// The agent sent a message over the length or depth limit. The requests in flight are lost and
    /// are received as [`Unanswered`](Self::Unanswered) next. Sync again.
    Desynchronised,
}

/// Shows the start of a stray reply with its secrets masked, or only its length without the feature
/// `alloc`.
impl<T: fmt::Debug> fmt::Debug for Received<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Greeting(greeting) => f.debug_tuple("Greeting").field(greeting).finish(),
            Self::Restarted(greeting) => f.debug_tuple("Restarted").field(greeting).finish(),
            Self::Ready => f.write_str("Ready"),
            Self::ErrorBeforeGreeting(failure) => {
                f.debug_tuple("ErrorBeforeGreeting").field(failure).finish()
            }
            Self::HandshakeFailed(failure) => {
                f.debug_tuple("HandshakeFailed").field(failure).finish()
            }
            Self::Reply(answer) => f.debug_tuple("Reply").field(answer).finish(),
            Self::Unanswered(lost) => f.debug_tuple("Unanswered").field(lost).finish(),
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
            Self::Stray(message) => show(f, "Stray", message),
            Self::ServerParseError(failure) => {
                f.debug_tuple("ServerParseError").field(failure).finish()
            }
            Self::Malformed(malformed) => f.debug_tuple("Malformed").field(malformed).finish(),
            Self::Desynchronised => f.write_str("Desynchronised"),
        }
    }
}

/// The reply to a request: a success reply or an error reply.
#[derive(Debug)]
#[non_exhaustive]
pub struct CommandReply<'b, T> {
    /// The request.
    pub request: RequestId,
    /// The token of the request.
    pub token: T,
    /// The success reply or the error reply.
    pub outcome: Result<Reply<'b>, Failure<'b>>,
}

/// A request to which no reply will arrive.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unanswered<T> {
    /// The request.
    pub request: RequestId,
    /// The token of the request.
    pub token: T,
    /// The reason.
    pub reason: NoReplyReason,
}

/// The reason why no reply arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoReplyReason {
    /// The command has succeeded: it was `quit` and ended the connection, or it has no success
    /// response.
    AsExpected,
    /// The command was sent. It may have been executed, or not, or its execution may continue.
    OutcomeUnknown,
}
