//! The one error type of all adapters.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use qmp_proto::{
    AddressError, DecodeError, ErrorClass, JsonError, OwnedFailure, ProtocolError, Refusal,
};

use crate::ConnectError;

/// What went wrong, with which command, on which connection, and what to do next.
///
/// Three questions are worth asking in a program: did the server answer with an error
/// ([`class`](Self::class), [`failure`](Self::failure))? Is the connection over
/// ([`is_disconnected`](Self::is_disconnected))? And may the command have been done all the same
/// ([`outcome`](Self::outcome))? The text is for people.
pub struct Error(Box<Inner>);

struct Inner {
    cause: Cause,
    command: Option<String>,
    peer: Option<Arc<str>>,
}

/// What is known of a command that did not succeed.
///
/// A wait for an event sends nothing, so its errors say [`NotSent`](Self::NotSent).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It was not sent.
    NotSent,
    /// The server answered it: with an error, or with success that could not be decoded
    /// ([`Cause::Decode`]).
    Answered,
    /// It was sent and may have been done, or not, or may still be. Ask the server about what it
    /// should have changed before doing it again.
    Unknown,
}

/// The kinds of [`Error`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The address cannot be understood.
    Address(AddressError),
    /// There is no connection.
    Connect(ConnectError),
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
    /// The operating system ended it.
    Io(Arc<io::Error>),
}

impl Error {
    /// An error that says what went wrong and no more.
    pub fn new(cause: Cause) -> Self {
        Self(Box::new(Inner { cause, command: None, peer: None }))
    }

    /// Adds the command.
    #[must_use]
    pub fn in_command(mut self, command: &str) -> Self {
        self.0.command = Some(command.to_owned());
        self
    }

    /// Adds the other end, as it was named by whoever connected to it.
    #[must_use]
    pub fn with_peer(mut self, peer: &Arc<str>) -> Self {
        self.0.peer = Some(Arc::clone(peer));
        self
    }

    /// What went wrong.
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// The command it happened in.
    pub fn command(&self) -> Option<&str> {
        self.0.command.as_deref()
    }

    /// The address of the other end, if there is one.
    pub fn peer(&self) -> Option<&str> {
        self.0.peer.as_deref()
    }

    /// Whether a deadline passed: of connecting, of the handshake, of a command or an event.
    pub fn is_timeout(&self) -> bool {
        match &self.0.cause {
            Cause::Connect(error) => error.is_timeout(),
            Cause::SilentHandshake { .. }
            | Cause::Deadline { .. }
            | Cause::NoTurn { .. }
            | Cause::NoEvent { .. } => true,
            _ => false,
        }
    }

    /// Whether the connection is over.
    pub fn is_disconnected(&self) -> bool {
        matches!(self.0.cause, Cause::Disconnected { .. })
    }

    /// The class of the server's error, if it answered with one.
    pub fn class(&self) -> Option<ErrorClass<'_>> {
        self.failure().map(OwnedFailure::class)
    }

    /// The server's error, if it answered with one.
    pub fn failure(&self) -> Option<&OwnedFailure> {
        match &self.0.cause {
            Cause::Failure(failure) | Cause::HandshakeRefused(failure) => Some(failure),
            _ => None,
        }
    }

    /// What is known of the command.
    pub fn outcome(&self) -> Outcome {
        match &self.0.cause {
            Cause::Failure(_) | Cause::Decode(_) | Cause::HandshakeRefused(_) => Outcome::Answered,
            Cause::Unanswered | Cause::Deadline { .. } | Cause::Disconnected { sent: true, .. } => {
                Outcome::Unknown
            }
            _ => Outcome::NotSent,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { cause, command, peer } = &*self.0;
        if let Some(command) = command {
            write!(f, "{command}: ")?;
        }
        match (cause, command) {
            (Cause::Disconnected { reason, sent: false }, Some(_)) => {
                write!(f, "not sent, the connection is over ({reason}): connect again")?;
            }
            _ => write!(f, "{cause}")?,
        }
        if let Some(peer) = peer {
            write!(f, " ({peer})")?;
        }
        if self.outcome() == Outcome::Unknown {
            f.write_str("; the command was sent, and its outcome is unknown")?;
        }
        Ok(())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Connect(error) => error.fmt(f),
            Self::SilentHandshake { waited, advice } => {
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
                if advice.is_empty() { Ok(()) } else { write!(f, ": {advice}") }
            }
            Self::NoTurn { waited, refusal } => write!(f, "not sent in {waited:.1?}: {refusal}"),
            Self::NoEvent { waited, names } if names.is_empty() => {
                write!(f, "no event in {waited:.1?}")
            }
            Self::NoEvent { waited, names } => {
                write!(f, "no {} in {waited:.1?}", names.join(" or "))
            }
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
        }
    }
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the server closed the connection"),
            Self::ByUs => f.write_str("the connection was closed on this side"),
            Self::Protocol(error) => error.fmt(f),
            Self::Malformed(shown) => {
                write!(f, "the server sent something that is not a message: {shown}")
            }
            Self::Io(error) => write!(f, "the connection broke: {error}"),
        }
    }
}

/// The text, for a `main` that returns it; with `{:#?}` the parts.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return fmt::Display::fmt(self, f);
        }
        let Inner { cause, command, peer } = &*self.0;
        f.debug_struct("Error")
            .field("cause", cause)
            .field("command", command)
            .field("peer", peer)
            .finish()
    }
}

impl std::error::Error for Error {}

impl From<Cause> for Error {
    fn from(cause: Cause) -> Self {
        Self::new(cause)
    }
}

impl From<AddressError> for Error {
    fn from(error: AddressError) -> Self {
        Self::new(Cause::Address(error))
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        Self::new(Cause::Connect(error))
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::new(Cause::Decode(error))
    }
}

impl From<JsonError> for Error {
    fn from(error: JsonError) -> Self {
        Self::new(Cause::Json(error))
    }
}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_follows_from_the_cause() {
        let waited = Duration::from_secs(1);
        let late = Error::new(Cause::Deadline { waited, advice: String::new() });
        assert_eq!(late.outcome(), Outcome::Unknown);
        assert!(late.is_timeout() && !late.is_disconnected());
        let refusal = Refusal::DescriptorInFlight;
        let no_turn = Error::new(Cause::NoTurn { waited, refusal });
        assert_eq!(no_turn.outcome(), Outcome::NotSent);
        assert!(no_turn.is_timeout());
        for (sent, outcome) in [(true, Outcome::Unknown), (false, Outcome::NotSent)] {
            let gone = Error::new(Cause::Disconnected { reason: Disconnect::Closed, sent });
            assert!(gone.is_disconnected() && !gone.is_timeout());
            assert_eq!(gone.outcome(), outcome);
        }
    }

    #[test]
    fn the_text_names_command_peer_and_outcome() {
        let waited = Duration::from_millis(2001);
        let error = Error::new(Cause::Deadline { waited, advice: String::new() })
            .in_command("blockdev-add")
            .with_peer(&Arc::from("unix:/run/vm.qmp"));
        let text = "blockdev-add: no answer in 2.0s (unix:/run/vm.qmp); the command was sent, and \
                    its outcome is unknown";
        assert_eq!(error.to_string(), text);
        assert_eq!(format!("{error:?}"), text, "what `main` prints is the text");
        let names = vec!["STOP".to_owned(), "RESUME".to_owned()];
        let error = Error::new(Cause::NoEvent { waited, names });
        assert_eq!(error.to_string(), "no STOP or RESUME in 2.0s");
    }
}
