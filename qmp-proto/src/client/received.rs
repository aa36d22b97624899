//! What input turns out to be.

use core::fmt;

use crate::message::{Event, Failure, Greeting, Reply, show};
use crate::request::RequestId;
use crate::wire::Malformed;

/// What one call of [`Client::handle_input`](crate::Client::handle_input) came to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Step<'b, T> {
    /// How many bytes from the front of the input are done with. The rest is presented again,
    /// unchanged, with more bytes after it.
    pub used: usize,
    /// What they meant. `None`: more bytes are needed.
    pub received: Option<Received<'b, T>>,
}

/// What a server said, borrowed from the input.
#[non_exhaustive]
pub enum Received<'b, T> {
    /// A monitor greets: negotiate.
    Greeting(Greeting<'b>),
    /// A monitor greets again, as if just started: negotiate again. All that was in flight is
    /// lost, and comes as [`Unanswered`](Self::Unanswered) next.
    Restarted(Greeting<'b>),
    /// A monitor sends an error where its greeting should be. It may refuse the connection ("too many
    /// clients"): show the error if the connection ends before a greeting comes. One may still come, for
    /// the error can be an answer to the client before us.
    ErrorBeforeGreeting(Failure<'b>),
    /// The handshake is answered: commands can be sent.
    Ready,
    /// The handshake is refused. Another can be tried.
    HandshakeFailed(Failure<'b>),
    /// A request is answered.
    Reply(CommandReply<'b, T>),
    /// A request will not be answered.
    Unanswered(Unanswered<T>),
    /// An event.
    Event(Event<'b>),
    /// An answer to nobody here: to the client before us, or one that came twice.
    Stray(&'b [u8]),
    /// The server could not parse something, and does not say what, while several requests are in
    /// flight. The connection is over: the next call returns the error.
    ServerParseError(Failure<'b>),
    /// Bytes that are no message. An answer may be lost in them, so a careful caller closes a
    /// monitor's connection; reading on is possible.
    Malformed(Malformed<'b>),
    /// The agent sent a message that is longer or deeper than the limit. All that was in flight is
    /// lost, and comes as [`Unanswered`](Self::Unanswered) next; sync again.
    Desynchronised,
}

/// Of a stray answer, the beginning is shown, secrets masked; without the feature `alloc`, its length.
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

/// The answer to a request.
#[derive(Debug)]
#[non_exhaustive]
pub struct CommandReply<'b, T> {
    /// The request.
    pub request: RequestId,
    /// The caller's mark on it.
    pub token: T,
    /// Success, or the server's error.
    pub outcome: Result<Reply<'b>, Failure<'b>>,
}

/// A request that will not be answered.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unanswered<T> {
    /// The request.
    pub request: RequestId,
    /// The caller's mark on it.
    pub token: T,
    /// What that means.
    pub reason: NoReplyReason,
}

/// What the lack of an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoReplyReason {
    /// The command was done: `quit` ended the connection, or it is one that answers only when it
    /// fails.
    AsExpected,
    /// The command was sent and may have been done, or not, or may still be.
    OutcomeUnknown,
}
