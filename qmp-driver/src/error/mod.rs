//! The one error type of all adapters.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use qmp_proto::{
    AddressError, BodyError, DecodeError, ErrorClass, Escaped, JsonError, OwnedFailure,
};

mod cause;
mod disconnect;
#[cfg(test)]
mod hostile_text;

#[cfg(unix)]
use qmp_sockets::LaunchError;
use qmp_sockets::{ConnectError, SocketError};

pub use cause::Cause;
pub use disconnect::Disconnect;

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
    position: u64,
}

/// What is known of a command that did not succeed.
///
/// A wait for an event sends nothing, so its errors say [`NotSent`](Self::NotSent).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It was not sent.
    NotSent,
    /// The server answered it: with an error, or with success that could not be read or decoded
    /// ([`Cause::Decode`]).
    Answered,
    /// It was sent and may have been done, or not, or may still be. Ask the server about what it
    /// should have changed before doing it again.
    Unknown,
}

impl Error {
    /// An error that says what went wrong and no more.
    pub fn new(cause: Cause) -> Self {
        Self(Box::new(Inner { cause, command: None, peer: None, position: 0 }))
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

    /// Adds where in the server's stream the error reply ended.
    pub(crate) fn at(mut self, position: u64) -> Self {
        self.0.position = position;
        self
    }

    /// The same command and peer, with another cause.
    pub(crate) fn replaced(mut self, cause: Cause) -> Self {
        self.0.cause = cause;
        self
    }

    /// Adds for how long a connection was tried that could not be made.
    pub(crate) fn tried_for(mut self, tried: Duration) -> Self {
        self.0.cause = match self.0.cause {
            Cause::Connect(error) => Cause::Connect(error.tried_for(tried)),
            cause => cause,
        };
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

    /// Whether a deadline passed: of connecting, of the handshake, of a command or an event; of a
    /// server that waits for a command.
    pub fn is_timeout(&self) -> bool {
        match &self.0.cause {
            Cause::Connect(error) => error.is_timeout(),
            Cause::SilentHandshake { .. }
            | Cause::Deadline { .. }
            | Cause::NoTurn { .. }
            | Cause::NoEvent { .. }
            | Cause::TimedOut { .. }
            | Cause::NoCommand { .. }
            | Cause::NotReading { .. } => true,
            _ => false,
        }
    }

    /// Whether the connection is over.
    pub fn is_disconnected(&self) -> bool {
        match &self.0.cause {
            Cause::Disconnected { .. } | Cause::EndedEarly(_) => true,
            #[cfg(unix)]
            Cause::Died(_) => true,
            _ => false,
        }
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

    /// How many bytes of the server's stream ended with its error reply, as
    /// [`Reply::stream_position`](crate::Reply::stream_position) tells of a success; `None` if this
    /// error is not a reply to a command.
    pub fn stream_position(&self) -> Option<u64> {
        Some(self.0.position).filter(|position| *position > 0)
    }

    /// What is known of the command.
    pub fn outcome(&self) -> Outcome {
        match &self.0.cause {
            Cause::Failure(_) | Cause::Decode(_) | Cause::HandshakeRefused(_) => Outcome::Answered,
            Cause::Unanswered
            | Cause::Deadline { .. }
            | Cause::TimedOut { .. }
            | Cause::Disconnected { sent: true, .. } => Outcome::Unknown,
            _ => Outcome::NotSent,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { cause, command, peer, .. } = &*self.0;
        if let Some(command) = command {
            write!(f, "{}: ", Escaped(command))?;
        }
        match (cause, command) {
            (Cause::Disconnected { reason, sent: false }, Some(_)) => {
                write!(f, "not sent, the connection is over ({reason}): connect again")?;
            }
            _ => write!(f, "{cause}")?,
        }
        if let Some(peer) = peer {
            write!(f, " ({})", Escaped(peer))?;
        }
        if self.outcome() == Outcome::Unknown {
            f.write_str("; the command was sent, and its outcome is unknown")?;
        }
        Ok(())
    }
}

/// The text, for a `main` that returns it; with `{:#?}` the parts.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return fmt::Display::fmt(self, f);
        }
        let Inner { cause, command, peer, .. } = &*self.0;
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

impl From<SocketError> for Error {
    fn from(error: SocketError) -> Self {
        match error {
            SocketError::Address(error) => error.into(),
            SocketError::Connect(error) => error.into(),
        }
    }
}

#[cfg(unix)]
impl From<LaunchError> for Error {
    fn from(error: LaunchError) -> Self {
        Self::new(Cause::Launch(error))
    }
}

impl From<JsonError> for Cause {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::new(Cause::Decode(error))
    }
}

/// A message that was received and cannot be read: the command that it answers was answered.
impl From<BodyError> for Error {
    fn from(error: BodyError) -> Self {
        Self::new(Cause::Decode(error.into()))
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
    use crate::Disconnect;
    use qmp_proto::Refusal;

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
