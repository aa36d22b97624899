//! The causes of errors.

use std::fmt;
use std::time::Duration;

use qmp_proto::{AddressError, DecodeError, Escaped, JsonError, OwnedFailure, SendErrorKind};
use qmp_sockets::{ConnectError, EndedEarly};
#[cfg(unix)]
use qmp_sockets::{LaunchError, ProcessExited};

use crate::CloseReason;

/// The cause of an [`Error`](crate::Error).
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The address could not be parsed.
    Address(AddressError),
    /// The connection could not be made.
    Connect(ConnectError),
    /// The program could not be started.
    #[cfg(unix)]
    Launch(LaunchError),
    /// The program was started but exited before its handshake completed.
    #[cfg(unix)]
    ProcessExited(ProcessExited),
    /// The process of a server that was still starting ended before a connection could be made.
    EndedEarly(EndedEarly),
    /// The server did not complete the handshake before the deadline.
    HandshakeTimeout {
        /// How long the client waited.
        waited: Duration,
        /// The probable reason, and what to do.
        advice: String,
    },
    /// The server refused the handshake, or sent an error instead of its greeting, and then closed
    /// the connection or sent nothing more.
    HandshakeRefused(OwnedFailure),
    /// The command was not sent.
    NotSent(SendErrorKind),
    /// The given JSON is not one message.
    Json(JsonError),
    /// An object in the arguments or in the raw message has a member twice.
    DuplicateMember {
        /// The name of the member.
        name: String,
    },
    /// The server sent an error reply.
    ErrorReply(OwnedFailure),
    /// The deadline of a command passed after it was sent.
    NoReply {
        /// How long the client waited.
        waited: Duration,
        /// The probable reason; empty if it is not known.
        advice: String,
    },
    /// The deadline of a command passed before it was sent.
    NotSentInTime {
        /// How long the client waited.
        waited: Duration,
        /// Why the command could not be sent.
        refusal: SendErrorKind,
    },
    /// A [timeout](crate::Client::timeout) passed.
    TimedOut {
        /// How long the future had run.
        waited: Duration,
    },
    /// The deadline passed before the event arrived.
    NoEvent {
        /// How long the client waited.
        waited: Duration,
        /// The names of the awaited events; empty for any event.
        names: Vec<String>,
    },
    /// The deadline of a server passed before its client sent a command.
    NoCommand {
        /// How long the server waited.
        waited: Duration,
    },
    /// The client of a server did not read everything before the connection was closed.
    NotReading {
        /// How many bytes the client had not read.
        unsent: usize,
    },
    /// A server asked for the next command at the limit of unanswered commands.
    TooManyUnanswered {
        /// How many commands are unanswered.
        unanswered: usize,
    },
    /// The server did not answer the command: it answered a later one, or restarted.
    Unanswered,
    /// The connection has ended.
    Disconnected {
        /// The reason.
        reason: CloseReason,
        /// Whether the command had been sent.
        sent: bool,
    },
    /// The reply is not what was expected.
    Decode(DecodeError),
    /// Events were dropped because too many were not read in time.
    EventsLost {
        /// How many events were dropped.
        count: u64,
    },
    /// A deadline was set on a stream that does not support deadlines.
    TimeoutsUnsupported,
    /// A file descriptor was passed on a stream that is not a unix socket.
    DescriptorsUnsupported,
    /// A reconnection was requested before the connection had ended.
    StillConnected,
    /// A reconnection was requested for a client that was not made by connecting to an address.
    NoAddress,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Connect(error) => error.fmt(f),
            #[cfg(unix)]
            Self::Launch(error) => error.fmt(f),
            #[cfg(unix)]
            Self::ProcessExited(died) => died.fmt(f),
            Self::EndedEarly(ended) => ended.fmt(f),
            Self::HandshakeTimeout { waited, advice } => {
                let advice = Escaped(advice);
                write!(f, "connected, but no answer to the handshake in {waited:.1?}: {advice}")
            }
            Self::HandshakeRefused(failure) => {
                write!(f, "the server refused the handshake: {failure}")?;
                match failure.description().contains("expected a string") {
                    true => {
                        f.write_str("; if it wants ids as text, set `Options::string_ids(true)`")
                    }
                    false => Ok(()),
                }
            }
            Self::NotSent(refusal) => write!(f, "not sent: {refusal}"),
            Self::Json(error) => write!(f, "not sent, because its JSON is invalid: {error}"),
            Self::DuplicateMember { name } => {
                write!(f, "not sent, because the member `{}` is there twice", Escaped(name))
            }
            Self::ErrorReply(failure) => failure.fmt(f),
            Self::NoReply { waited, advice } => {
                write!(f, "no answer in {waited:.1?}")?;
                if advice.is_empty() { Ok(()) } else { write!(f, ": {}", Escaped(advice)) }
            }
            Self::NotSentInTime { waited, refusal } => {
                write!(f, "not sent in {waited:.1?}: {refusal}")
            }
            Self::TimedOut { waited } => write!(f, "not finished in {waited:.1?}"),
            Self::NoEvent { waited, names } if names.is_empty() => {
                write!(f, "no event in {waited:.1?}")
            }
            Self::NoEvent { waited, names } => {
                write!(f, "no {} in {waited:.1?}", Escaped(names.join(" or ")))
            }
            Self::NoCommand { waited } => write!(f, "no command in {waited:.1?}"),
            Self::NotReading { unsent } => {
                write!(f, "the client did not read {unsent} bytes before the connection closed")
            }
            Self::TooManyUnanswered { unanswered } => write!(
                f,
                "the limit of unanswered commands is reached ({unanswered}): answer one before \
                 receiving the next"
            ),
            Self::Unanswered => f.write_str("the server went on without answering this command"),
            Self::Disconnected { reason, .. } => reason.fmt(f),
            Self::Decode(error) => write!(f, "the answer is not what was expected: {error}"),
            Self::EventsLost { count } => write!(
                f,
                "{count} events were not read in time and had to be dropped; query the state that \
                 they would have told of"
            ),
            Self::TimeoutsUnsupported => f.write_str(
                "this stream does not support deadlines: use a socket, or set no deadline",
            ),
            Self::DescriptorsUnsupported => {
                f.write_str("descriptors can be sent over unix sockets only")
            }
            Self::StillConnected => {
                f.write_str("this client is still connected: close or abort the connection first")
            }
            Self::NoAddress => f.write_str(
                "this client was not made by connecting to an address: reconnect it with \
                 `Builder::reconnecting`",
            ),
        }
    }
}
