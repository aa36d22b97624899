//! What can go wrong.

use std::fmt;
use std::time::Duration;

use qmp_proto::{AddressError, DecodeError, Escaped, JsonError, OwnedFailure, Refusal};
use qmp_sockets::{ConnectError, EndedEarly};
#[cfg(unix)]
use qmp_sockets::{Died, LaunchError};

use crate::Disconnect;

/// The kinds of [`Error`](crate::Error).
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The address cannot be understood.
    Address(AddressError),
    /// There is no connection.
    Connect(ConnectError),
    /// A program could not be started.
    #[cfg(unix)]
    Launch(LaunchError),
    /// A program that was started has ended before its handshake did.
    #[cfg(unix)]
    Died(Died),
    /// The process of a server that was still starting ended before anybody could connect to it.
    EndedEarly(EndedEarly),
    /// The server did not get through its handshake in time.
    SilentHandshake {
        /// How long it had.
        waited: Duration,
        /// What may be the matter, and what to do.
        advice: String,
    },
    /// The server refused the handshake, or sent an error instead of its greeting, and then closed
    /// the connection or fell silent.
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
    /// The time of a [timeout](crate::Client::timeout) was over.
    TimedOut {
        /// How long was waited.
        waited: Duration,
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
    /// The client of a server did not read what was sent before the connection was closed.
    NotReading {
        /// How many bytes it did not read.
        unsent: usize,
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
    /// A new connection was to be made while the last one stands.
    StillConnected,
    /// A connection that was not made by connecting to an address was to be made again.
    NoAddress,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Connect(error) => error.fmt(f),
            #[cfg(unix)]
            Self::Launch(error) => error.fmt(f),
            #[cfg(unix)]
            Self::Died(died) => died.fmt(f),
            Self::EndedEarly(ended) => ended.fmt(f),
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
