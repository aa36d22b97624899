//! The error type of all adapters.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use qmp_proto::{
    AddressError, BodyError, DecodeError, ErrorClass, Escaped, JsonError, OwnedFailure,
    ProtocolError,
};

mod close_reason;
#[cfg(test)]
#[cfg(unix)]
mod document;
#[cfg(test)]
mod hostile_text;
mod kind;

#[cfg(unix)]
use qmp_sockets::LaunchError;
use qmp_sockets::{ConnectError, SocketError};

pub use close_reason::CloseReason;
pub use kind::ErrorKind;

/// What failed, in which command, on which connection, why, and what to do.
///
/// A program usually needs the answers to three questions. Did the server send an error reply
/// ([`class`](Self::class), [`failure`](Self::failure))? Has the connection ended
/// ([`is_disconnected`](Self::is_disconnected))? May the command have been executed
/// ([`outcome`](Self::outcome))? The text is meant for people.
pub struct Error(Box<Inner>);

struct Inner {
    cause: ErrorKind,
    command: Option<String>,
    peer: Option<Arc<str>>,
    position: u64,
}

/// Whether a command that returned an error was executed.
///
/// Waiting for an event sends nothing, so its errors have the outcome [`NotSent`](Self::NotSent).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The command was not sent.
    NotSent,
    /// The server answered it, either with an error reply or with a success response that could not
    /// be decoded ([`ErrorKind::Decode`]).
    Answered,
    /// The command was sent. It may have been executed, may still be executed, or may never be.
    /// Before sending it again, query the state that it should have changed.
    Unknown,
}

impl Error {
    /// Creates an error from its cause.
    pub fn new(cause: ErrorKind) -> Self {
        Self(Box::new(Inner { cause, command: None, peer: None, position: 0 }))
    }

    /// Adds the name of the command.
    #[must_use]
    pub fn in_command(mut self, command: &str) -> Self {
        // A raw message that cannot be parsed has no name.
        if !command.is_empty() {
            self.0.command = Some(command.to_owned());
        }
        self
    }

    /// Adds the name of the peer, as it was given when the connection was made.
    #[must_use]
    pub fn with_peer(mut self, peer: &Arc<str>) -> Self {
        self.0.peer = Some(Arc::clone(peer));
        self
    }

    /// Adds the position in the server's stream at which the error reply ended.
    pub(crate) fn at(mut self, position: u64) -> Self {
        self.0.position = position;
        self
    }

    /// Replaces the cause, and keeps the command and the peer.
    pub(crate) fn replaced(mut self, cause: ErrorKind) -> Self {
        self.0.cause = cause;
        self
    }

    /// Adds how long the client tried to connect.
    pub(crate) fn tried_for(mut self, tried: Duration) -> Self {
        self.0.cause = match self.0.cause {
            ErrorKind::Connect(error) => ErrorKind::Connect(error.with_elapsed(tried)),
            cause => cause,
        };
        self
    }

    /// Returns the cause of the error.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.cause
    }

    /// Returns the name of the command that failed, if any.
    pub fn command(&self) -> Option<&str> {
        self.0.command.as_deref()
    }

    /// Returns the name of the peer, if there is one.
    pub fn peer(&self) -> Option<&str> {
        self.0.peer.as_deref()
    }

    /// Returns whether a deadline passed: for connecting, for the handshake, for a command or an
    /// event, or for a server to receive a command.
    pub fn is_timeout(&self) -> bool {
        match &self.0.cause {
            ErrorKind::Connect(error) => error.is_timeout(),
            ErrorKind::HandshakeTimeout { .. }
            | ErrorKind::NoReply { .. }
            | ErrorKind::NotSentInTime { .. }
            | ErrorKind::NoEvent { .. }
            | ErrorKind::TimedOut { .. }
            | ErrorKind::NoCommand { .. }
            | ErrorKind::NotReading { .. } => true,
            _ => false,
        }
    }

    /// Returns whether the connection could not be made: the address is wrong, nothing listens
    /// there, the program could not be started, or the handshake failed.
    pub fn is_connect(&self) -> bool {
        match &self.0.cause {
            ErrorKind::Address(_)
            | ErrorKind::Connect(_)
            | ErrorKind::EndedEarly(_)
            | ErrorKind::HandshakeTimeout { .. }
            | ErrorKind::HandshakeRefused(_) => true,
            #[cfg(unix)]
            ErrorKind::Launch(_) | ErrorKind::ProcessExited(_) => true,
            ErrorKind::Disconnected { reason, .. } => matches!(
                reason,
                CloseReason::Handshake(_)
                    | CloseReason::Protocol(ProtocolError::EndInHandshake { .. })
            ),
            _ => false,
        }
    }

    /// Returns whether the connection has ended.
    pub fn is_disconnected(&self) -> bool {
        match &self.0.cause {
            ErrorKind::Disconnected { .. } | ErrorKind::EndedEarly(_) => true,
            #[cfg(unix)]
            ErrorKind::ProcessExited(_) => true,
            _ => false,
        }
    }

    /// Returns the class of the error reply, if the server sent one.
    pub fn class(&self) -> Option<ErrorClass<'_>> {
        self.failure().map(OwnedFailure::class)
    }

    /// Returns the error reply, if the server sent one.
    pub fn failure(&self) -> Option<&OwnedFailure> {
        match &self.0.cause {
            ErrorKind::ErrorReply(failure) | ErrorKind::HandshakeRefused(failure) => Some(failure),
            _ => None,
        }
    }

    /// Returns how many bytes of the server's stream had been received at the end of the error
    /// reply, like [`Reply::stream_position`](crate::Reply::stream_position) for a success
    /// response. Returns `None` if this error is not a reply to a command.
    pub fn stream_position(&self) -> Option<u64> {
        Some(self.0.position).filter(|position| *position > 0)
    }

    /// Returns whether the command was executed.
    pub fn outcome(&self) -> Outcome {
        match &self.0.cause {
            ErrorKind::ErrorReply(_) | ErrorKind::Decode(_) | ErrorKind::HandshakeRefused(_) => {
                Outcome::Answered
            }
            ErrorKind::Unanswered
            | ErrorKind::NoReply { .. }
            | ErrorKind::TimedOut { .. }
            | ErrorKind::Disconnected { sent: true, .. } => Outcome::Unknown,
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
            (ErrorKind::Disconnected { reason, sent: false }, Some(_)) => {
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

/// Shows the same text as `Display`, for a `main` that returns the error. `{:#?}` shows the fields.
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

/// The source is the operating system's error, if there is one.
impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.cause {
            ErrorKind::Connect(error) => error.source(),
            #[cfg(unix)]
            ErrorKind::Launch(error) => error.source(),
            ErrorKind::Disconnected { reason, .. } => reason.source(),
            _ => None,
        }
    }
}

impl From<ErrorKind> for Error {
    fn from(cause: ErrorKind) -> Self {
        Self::new(cause)
    }
}

impl From<AddressError> for Error {
    fn from(error: AddressError) -> Self {
        Self::new(ErrorKind::Address(error))
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        Self::new(ErrorKind::Connect(error))
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
        Self::new(ErrorKind::Launch(error))
    }
}

impl From<JsonError> for ErrorKind {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::new(ErrorKind::Decode(error))
    }
}

/// The error of a message that was received but cannot be decoded. Its command was answered.
impl From<BodyError> for Error {
    fn from(error: BodyError) -> Self {
        Self::new(ErrorKind::Decode(error.into()))
    }
}

impl From<JsonError> for Error {
    fn from(error: JsonError) -> Self {
        Self::new(ErrorKind::Json(error))
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
    use crate::CloseReason;
    use qmp_proto::SendErrorKind;

    #[test]
    fn the_outcome_follows_from_the_cause() {
        let waited = Duration::from_secs(1);
        let late = Error::new(ErrorKind::NoReply { waited, advice: String::new() });
        assert_eq!(late.outcome(), Outcome::Unknown);
        assert!(late.is_timeout() && !late.is_disconnected());
        let refusal = SendErrorKind::DescriptorInFlight;
        let no_turn = Error::new(ErrorKind::NotSentInTime { waited, refusal });
        assert_eq!(no_turn.outcome(), Outcome::NotSent);
        assert!(no_turn.is_timeout());
        for (sent, outcome) in [(true, Outcome::Unknown), (false, Outcome::NotSent)] {
            let gone = Error::new(ErrorKind::Disconnected { reason: CloseReason::Closed, sent });
            assert!(gone.is_disconnected() && !gone.is_timeout());
            assert_eq!(gone.outcome(), outcome);
        }
    }

    #[test]
    fn the_source_is_the_error_of_the_operating_system() {
        use std::error::Error as _;
        use std::io;
        let io_error = || io::Error::from_raw_os_error(5);
        let number = |error: &Error| {
            let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
            source.raw_os_error()
        };
        let address = qmp_proto::Address::unix("/nowhere");
        let connect = Error::from(ConnectError::new(&address, io_error()));
        let reason = CloseReason::Io(Arc::new(io_error()));
        let closed = Error::new(ErrorKind::Disconnected { reason, sent: true });
        assert_eq!((number(&connect), number(&closed)), (Some(5), Some(5)));
        assert!(connect.is_connect() && !closed.is_connect());
        #[cfg(unix)]
        {
            let launch = Error::from(LaunchError::new("qemu", io_error()));
            assert_eq!(number(&launch), Some(5));
            assert!(launch.is_connect());
        }
        let refused = CloseReason::Handshake("no".into());
        assert!(Error::new(ErrorKind::Disconnected { reason: refused, sent: false }).is_connect());
        assert!(Error::new(ErrorKind::Unanswered).source().is_none());
    }

    #[test]
    fn the_text_names_command_peer_and_outcome() {
        let waited = Duration::from_millis(2001);
        let error = Error::new(ErrorKind::NoReply { waited, advice: String::new() })
            .in_command("blockdev-add")
            .with_peer(&Arc::from("unix:/run/vm.qmp"));
        let text = "blockdev-add: no answer in 2.0s (unix:/run/vm.qmp); the command was sent, and \
                    its outcome is unknown";
        assert_eq!(error.to_string(), text);
        assert_eq!(format!("{error:?}"), text, "what `main` prints is the text");
        let names = vec!["STOP".to_owned(), "RESUME".to_owned()];
        let error = Error::new(ErrorKind::NoEvent { waited, names });
        assert_eq!(error.to_string(), "no STOP or RESUME in 2.0s");
    }
}
