//! What can go wrong.

use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use qmp_proto::{
    AddressError, DecodeError, Escaped, JsonError, OwnedFailure, ProtocolError, Refusal,
};

use crate::ConnectError;
use crate::connect_error::{in_words, without_number};

/// The kinds of [`Error`](crate::Error).
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The address cannot be understood.
    Address(AddressError),
    /// There is no connection.
    Connect(ConnectError),
    /// A program could not be started.
    Launch {
        /// Its file name.
        program: String,
        /// What the system said.
        error: io::Error,
    },
    /// A program that was started has ended before its handshake did.
    Died {
        /// Its file name.
        program: String,
        /// How it has ended.
        status: ExitStatus,
        /// The last lines that it wrote to its standard error.
        stderr: String,
    },
    /// The process of a server that was still starting ended before anybody could connect to it.
    EndedEarly {
        /// How it has ended.
        status: ExitStatus,
        /// How long was waited for it to listen.
        waited: Duration,
    },
    /// The server did not get through its handshake in time.
    SilentHandshake {
        /// How long it had.
        waited: Duration,
        /// What may be the matter, and what to do.
        advice: String,
    },
    /// The server refused the handshake.
    HandshakeRefused(OwnedFailure),
    /// The command was not sent.
    Refused(Refusal),
    /// The JSON given is not one message.
    Json(JsonError),
    /// The server answered with an error.
    Failure(OwnedFailure),
    /// The deadline of a command that was sent passed.
    Deadline {
        /// How long was waited.
        waited: Duration,
        /// What is known of the server's silence; empty if nothing is.
        advice: String,
    },
    /// The deadline of a command passed before it could be sent.
    NoTurn {
        /// How long was waited.
        waited: Duration,
        /// What it waited for.
        refusal: Refusal,
    },
    /// The deadline passed, and the event did not come.
    NoEvent {
        /// How long was waited.
        waited: Duration,
        /// The names of the events that were waited for; empty for any.
        names: Vec<String>,
    },
    /// The deadline of a server passed, and its client sent no command.
    NoCommand {
        /// How long was waited.
        waited: Duration,
    },
    /// A server asked for the next command while as many are unanswered as may be.
    AnswerFirst {
        /// How many are unanswered.
        unanswered: usize,
    },
    /// The server went on without answering: it answered a later command, or started anew.
    Unanswered,
    /// The connection is over.
    Disconnected {
        /// Why.
        reason: Disconnect,
        /// Whether the command had been sent.
        sent: bool,
    },
    /// The answer is not what was expected.
    Decode(DecodeError),
    /// So many events came that were not read in time that the oldest were dropped.
    EventsLost {
        /// How many.
        count: u64,
    },
    /// A deadline was asked for on a stream that cannot wait with one.
    NoDeadlines,
    /// A descriptor was to be sent over something else than a unix socket.
    NoDescriptors,
    /// The answer was awaited on another connection than the command was sent on.
    OtherConnection,
    /// A new connection was to be made while the last one stands.
    StillConnected,
    /// A connection that was not made by connecting to an address was to be made again.
    NoAddress,
}

/// Why a connection is over.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Disconnect {
    /// The server closed it with nothing outstanding, as it does after `quit`.
    Closed,
    /// We closed it.
    ByUs,
    /// The server closed it, or said something, at a time when it must not.
    Protocol(ProtocolError),
    /// The server sent something that is no message, an answer maybe.
    Malformed(Arc<str>),
    /// The server could not parse a message of ours, and did not say which of several in flight.
    NotParsed(Arc<OwnedFailure>),
    /// The handshake failed: it was refused, or not answered.
    Handshake(Arc<str>),
    /// The operating system ended it.
    Io(Arc<io::Error>),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Connect(error) => error.fmt(f),
            Self::Launch { program, error } => {
                write!(f, "cannot start {}: {}", Escaped(program), Escaped(without_number(error)))?;
                match error.kind() {
                    io::ErrorKind::NotFound => f.write_str("; is it installed, and on the PATH?"),
                    _ => Ok(()),
                }
            }
            Self::Died { program, status, stderr } => {
                write!(f, "{} ended with {}", Escaped(program), how(status))?;
                if stderr.is_empty() { Ok(()) } else { write!(f, ": {}", Escaped(stderr)) }
            }
            Self::EndedEarly { status, waited } => write!(
                f,
                "the server ended with {} after {}, before anybody could connect to it: look at \
                 what it wrote to its standard error",
                how(status),
                in_words(*waited)
            ),
            Self::SilentHandshake { waited, advice } => {
                let advice = Escaped(advice);
                write!(f, "connected, but no answer to the handshake in {waited:.1?}: {advice}")
            }
            Self::HandshakeRefused(failure) => {
                write!(f, "the server refused the handshake: {failure}")
            }
            Self::Refused(refusal) => write!(f, "not sent: {refusal}"),
            Self::Json(error) => write!(f, "not sent, for its JSON is refused: {error}"),
            Self::Failure(failure) => failure.fmt(f),
            Self::Deadline { waited, advice } => {
                write!(f, "no answer in {waited:.1?}")?;
                if advice.is_empty() { Ok(()) } else { write!(f, ": {}", Escaped(advice)) }
            }
            Self::NoTurn { waited, refusal } => write!(f, "not sent in {waited:.1?}: {refusal}"),
            Self::NoEvent { waited, names } if names.is_empty() => {
                write!(f, "no event in {waited:.1?}")
            }
            Self::NoEvent { waited, names } => {
                write!(f, "no {} in {waited:.1?}", Escaped(names.join(" or ")))
            }
            Self::NoCommand { waited } => write!(f, "no command in {waited:.1?}"),
            Self::AnswerFirst { unanswered } => write!(
                f,
                "as many commands are unanswered as may be ({unanswered}): answer one before \
                 asking for the next"
            ),
            Self::Unanswered => f.write_str("the server went on without answering this command"),
            Self::Disconnected { reason, .. } => reason.fmt(f),
            Self::Decode(error) => write!(f, "the answer is not what was expected: {error}"),
            Self::EventsLost { count } => write!(
                f,
                "{count} events were not read in time and had to be dropped; query the state that \
                 they would have told of"
            ),
            Self::NoDeadlines => f.write_str(
                "this stream cannot wait with a deadline; use a socket, or set no deadline",
            ),
            Self::NoDescriptors => f.write_str("descriptors can be sent over unix sockets only"),
            Self::OtherConnection => {
                f.write_str("this command was sent on another connection; wait for it there")
            }
            Self::StillConnected => {
                f.write_str("this client is connected; close or abort the connection first")
            }
            Self::NoAddress => f.write_str(
                "this connection was not made by connecting to an address, and it is not known \
                 how to make it again: use a builder with `reconnecting`",
            ),
        }
    }
}

/// The standard library writes `exit status: 1`.
fn how(status: &ExitStatus) -> String {
    status.to_string().replacen(": ", " ", 1)
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the server closed the connection"),
            Self::ByUs => f.write_str("the connection was closed on this side"),
            Self::Protocol(error) => error.fmt(f),
            Self::Malformed(shown) => {
                write!(f, "the server sent something that is not a message: {}", Escaped(shown))
            }
            Self::NotParsed(failure) => write!(
                f,
                "the server could not parse a message, and does not say which of several in \
                 flight: {failure}"
            ),
            Self::Handshake(reason) => write!(f, "the handshake failed: {}", Escaped(reason)),
            Self::Io(error) => write!(f, "the connection broke: {}", Escaped(error)),
        }
    }
}
