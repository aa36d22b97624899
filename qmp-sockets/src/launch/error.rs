//! Errors of launched programs.

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitStatus;

use qmp_proto::Escaped;

use crate::connect_error::without_number;
use crate::connect_retry::describe_status;

/// The program could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub struct LaunchError {
    /// The program's file name.
    pub program: String,
    /// The operating system's error.
    pub error: io::Error,
}

impl LaunchError {
    /// Creates an error that names the program.
    pub fn new(program: &str, error: io::Error) -> Self {
        Self { program: program.to_owned(), error }
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = without_number(&self.error);
        write!(f, "cannot start {}: {}", Escaped(&self.program), Escaped(error))?;
        match self.error.kind() {
            io::ErrorKind::NotFound => f.write_str("; is it installed, and on the PATH?"),
            _ => Ok(()),
        }
    }
}

impl Error for LaunchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// The program exited before its handshake completed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcessExited {
    /// The program's file name.
    pub program: String,
    /// The exit status.
    pub status: ExitStatus,
    /// The last lines of its standard error.
    pub stderr: String,
}

impl fmt::Display for ProcessExited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ended with {}", Escaped(&self.program), describe_status(&self.status))?;
        if self.stderr.is_empty() { Ok(()) } else { write!(f, ": {}", Escaped(&self.stderr)) }
    }
}

impl Error for ProcessExited {}
