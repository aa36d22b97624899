//! Errors of recordings.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use qmp_proto::Escaped;

/// The error returned when a recording cannot be written, read or replayed. Contains the path and,
/// if known, the line.
#[derive(Debug)]
pub struct RecordingError {
    path: PathBuf,
    line: Option<usize>,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    Io(io::Error),
    Socket(Box<qmp_sockets::SocketError>),
    Content(String),
}

impl RecordingError {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self { path: path.to_owned(), line: None, reason: Reason::Io(error) }
    }

    pub(super) fn socket(path: &Path, error: impl Into<qmp_sockets::SocketError>) -> Self {
        Self { path: path.to_owned(), line: None, reason: Reason::Socket(Box::new(error.into())) }
    }

    pub(super) fn content(path: &Path, line: Option<usize>, reason: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, reason: Reason::Content(reason.into()) }
    }
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the recording {}", Escaped(self.path.display()))?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        match &self.reason {
            Reason::Io(error) => write!(f, ": {}", Escaped(error)),
            Reason::Socket(error) => write!(f, ": {error}"),
            Reason::Content(reason) => write!(f, ": {}", Escaped(reason)),
        }
    }
}

impl std::error::Error for RecordingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Reason::Io(error) => Some(error),
            Reason::Socket(error) => Some(error),
            Reason::Content(_) => None,
        }
    }
}
