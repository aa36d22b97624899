//! Exit codes, and the one place that decides which error has which.

use std::fmt::{self, Write as _};
use std::io;

use qmp_blocking::{Error, ErrorKind};

use crate::words::WordError;

/// How the program ends, if not with success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// The server returned an error, or an operation failed.
    Refused = 1,
    /// The command line, the configuration or a filter is wrong. Nothing was sent.
    Usage = 2,
    /// No connection could be made, or the handshake failed.
    NotConnected = 3,
    /// A deadline passed.
    Deadline = 4,
    /// The connection was lost.
    Lost = 5,
    /// Interrupted by the user: 128 and the number of SIGINT.
    Interrupted = 130,
    /// The output was closed by its reader: 128 and the number of SIGPIPE.
    ClosedPipe = 141,
}

/// An error of the program: its text and its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    text: String,
}

impl Failure {
    pub(crate) fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(Code::Usage, text)
    }

    /// An error of connecting.
    pub(crate) fn connecting(error: &Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Address(_) => Code::Usage,
            _ => Code::NotConnected,
        };
        // The library names its function, the program its option.
        Self::new(code, error.to_string().replace("`connect_agent`", "--agent"))
    }

    /// An error of writing the output.
    pub(crate) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Code::ClosedPipe, ""),
            _ => Self::new(Code::Refused, format!("cannot write the output: {error}")),
        }
    }

    /// Puts a text in front of the error's.
    pub(crate) fn within(mut self, place: impl fmt::Display) -> Self {
        if !self.text.is_empty() {
            self.text.insert_str(0, &format!("{place}: "));
        }
        self
    }

    /// Adds a text after the error's.
    pub(crate) fn and(mut self, text: impl fmt::Display) -> Self {
        if !self.text.is_empty() {
            let _ = write!(self.text, "; {text}");
        }
        self
    }

    /// Adds the name of the server.
    pub(crate) fn and_place(mut self, peer: &str) -> Self {
        if !self.text.contains(peer) {
            let _ = write!(self.text, " ({peer})");
        }
        self
    }

    /// Returns whether later commands can still succeed.
    pub(crate) const fn leaves_connection(&self) -> bool {
        matches!(self.code, Code::Refused | Code::Usage | Code::Deadline)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An error of a command, or of waiting for an event.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::ErrorReply(_) => Code::Refused,
            ErrorKind::Address(_)
            | ErrorKind::NotSent(_)
            | ErrorKind::Json(_)
            | ErrorKind::DescriptorsUnsupported
            | ErrorKind::TimeoutsUnsupported => Code::Usage,
            ErrorKind::Connect(_)
            | ErrorKind::HandshakeTimeout { .. }
            | ErrorKind::HandshakeRefused(_)
            | ErrorKind::EndedEarly(_) => Code::NotConnected,
            _ if error.is_timeout() => Code::Deadline,
            _ => Code::Lost,
        };
        Self::new(code, error.to_string())
    }
}

impl From<WordError> for Failure {
    fn from(error: WordError) -> Self {
        Self::usage(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qmp_blocking::CloseReason;
    use std::time::Duration;

    #[test]
    fn every_kind_of_error_has_its_code() {
        let waited = Duration::from_secs(1);
        let lost = |sent| ErrorKind::Disconnected { reason: CloseReason::Closed, sent };
        for (kind, code) in [
            (ErrorKind::NoReply { waited, advice: String::new() }, Code::Deadline),
            (ErrorKind::NoEvent { waited, names: Vec::new() }, Code::Deadline),
            (lost(true), Code::Lost),
            (lost(false), Code::Lost),
            (ErrorKind::Unanswered, Code::Lost),
            (ErrorKind::DescriptorsUnsupported, Code::Usage),
            (ErrorKind::HandshakeTimeout { waited, advice: String::new() }, Code::NotConnected),
        ] {
            let shown = format!("{kind:?}");
            assert_eq!(Failure::from(Error::new(kind)).code, code, "{shown}");
        }
        let unread = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(Failure::output(&unread).within("line 1").to_string(), "");
    }
}
