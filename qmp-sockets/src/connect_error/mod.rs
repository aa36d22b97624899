//! Errors of connecting and listening.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use qmp_proto::{Address, Escaped};

use crate::advice::{Attempt, advice};

/// A connection could not be made. Contains the address, the reason and advice.
///
/// An example of its text: `cannot connect to unix:/run/vm.qmp: No such file or directory; is QEMU
/// running with -qmp unix:/run/vm.qmp,server=on,wait=off?`
#[derive(Debug)]
pub struct ConnectError {
    attempt: Attempt,
    address: Address,
    error: io::Error,
    advice: String,
    tried: Option<Duration>,
}

impl ConnectError {
    /// Creates the error of a failed connection to `address`. The advice is determined now, for
    /// example from the owner of the socket.
    pub fn new(address: &Address, error: io::Error) -> Self {
        Self::of(Attempt::Connect, address, error)
    }

    /// Creates the error of a connection to `address` that did not succeed in time.
    pub fn timed_out(address: &Address, waited: Duration) -> Self {
        Self::of(Attempt::Connect, address, timed_out(waited))
    }

    /// Creates the error of listening on `address`, or of accepting a connection there.
    pub fn listening(address: &Address, error: io::Error) -> Self {
        Self::of(Attempt::Listen, address, error)
    }

    /// Creates the error that no connection to `address` arrived in time.
    pub fn nobody_connected(address: &Address, waited: Duration) -> Self {
        Self::of(Attempt::Accept, address, timed_out(waited))
    }

    fn of(attempt: Attempt, address: &Address, error: io::Error) -> Self {
        let advice = advice(attempt, address, &error);
        Self { attempt, address: address.clone(), error, advice, tried: None }
    }

    /// Replaces the advice by that for the channel of a guest agent.
    #[must_use]
    pub fn for_agent(self) -> Self {
        match self.attempt {
            Attempt::Connect => {
                let advice = advice(Attempt::ConnectAgent, &self.address, &self.error);
                Self { advice, ..self }
            }
            _ => self,
        }
    }

    /// Returns the address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the operating system's error.
    pub fn io_error(&self) -> &io::Error {
        &self.error
    }

    /// Returns advice, or an empty string if there is none.
    pub fn advice(&self) -> &str {
        &self.advice
    }

    /// Returns how long a server that was still starting was tried. The operating system's error is
    /// then that of the last attempt.
    pub fn elapsed(&self) -> Option<Duration> {
        self.tried
    }

    /// Returns whether a deadline passed.
    pub fn is_timeout(&self) -> bool {
        self.error.kind() == io::ErrorKind::TimedOut || self.tried.is_some()
    }

    /// Adds how long the connection was tried.
    #[must_use]
    pub fn with_elapsed(mut self, tried: Duration) -> Self {
        self.tried = Some(tried);
        self
    }

    /// Returns whether a retry may succeed because the server does not listen yet.
    pub fn is_transient(&self) -> bool {
        use io::ErrorKind::{ConnectionRefused, ConnectionReset, NotFound, TimedOut};
        match (&self.address, self.error.kind()) {
            #[cfg(unix)]
            (Address::Unix(path), ConnectionRefused) => may_be_socket(path),
            (Address::Unix(_), kind) => matches!(kind, NotFound | TimedOut),
            (Address::Abstract(_) | Address::Tcp { .. }, kind) => {
                matches!(kind, ConnectionRefused | ConnectionReset | TimedOut)
            }
            // While a guest starts, its CID is not assigned.
            #[cfg(target_os = "linux")]
            (Address::Vsock { .. }, _) if self.error.raw_os_error() == Some(libc::ENODEV) => true,
            (Address::Vsock { .. }, kind) => {
                matches!(kind, ConnectionRefused | ConnectionReset | TimedOut)
            }
            _ => false,
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attempt = match self.attempt {
            Attempt::Connect | Attempt::ConnectAgent => "cannot connect to",
            Attempt::Listen => "cannot listen on",
            Attempt::Accept => "nobody connected to",
        };
        write!(f, "{attempt} {}: ", Escaped(&self.address))?;
        if let Some(tried) = self.tried {
            write!(f, "tried for {}, at last: ", in_words(tried))?;
        }
        write!(f, "{}", Escaped(without_number(&self.error)))?;
        match self.advice.is_empty() {
            true => Ok(()),
            false => write!(f, "; {}", Escaped(&self.advice)),
        }
    }
}

/// The source is the operating system's error, which the text contains, too.
impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// Returns whether the file may be a socket: connecting to other files is refused, too. A missing
/// file may appear later.
#[cfg(unix)]
fn may_be_socket(path: &[u8]) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let found = std::fs::metadata(crate::long_path::path_of(path));
    found.map_or(true, |file| file.file_type().is_socket())
}

/// Returns the operating system's text without the error number that the standard library appends.
pub(crate) fn without_number(error: &io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(number) => text.trim_end_matches(&format!(" (os error {number})")).to_owned(),
        None => text,
    }
}

fn timed_out(waited: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("timed out after {}", in_words(waited)))
}

pub(crate) fn in_words(waited: Duration) -> String {
    match waited.as_secs() {
        0 => format!("{} ms", waited.as_millis()),
        1..10 => format!("{:.1} s", waited.as_secs_f64()),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
