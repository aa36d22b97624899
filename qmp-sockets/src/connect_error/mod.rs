//! Why there is no connection.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use qmp_proto::{Address, Escaped};

use crate::advice::{Attempt, advice};

/// No connection could be made: to which address, why, and what to try.
///
/// It reads like this: `cannot connect to unix:/run/vm.qmp: No such file or directory; is QEMU
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
    /// Connecting to `address` failed with `error`. The advice is looked up now: who owns the
    /// socket, for instance.
    pub fn new(address: &Address, error: io::Error) -> Self {
        Self::of(Attempt::Connect, address, error)
    }

    /// Connecting to `address` was given up after having waited so long.
    pub fn timed_out(address: &Address, waited: Duration) -> Self {
        Self::of(Attempt::Connect, address, timed_out(waited))
    }

    /// Listening on `address`, or accepting there, failed with `error`.
    pub fn listening(address: &Address, error: io::Error) -> Self {
        Self::of(Attempt::Listen, address, error)
    }

    /// Nobody connected to our `address` in the time that was waited.
    pub fn nobody_connected(address: &Address, waited: Duration) -> Self {
        Self::of(Attempt::Accept, address, timed_out(waited))
    }

    fn of(attempt: Attempt, address: &Address, error: io::Error) -> Self {
        let advice = advice(attempt, address, &error);
        Self { attempt, address: address.clone(), error, advice, tried: None }
    }

    /// The address that was tried.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What the system said.
    pub fn io_error(&self) -> &io::Error {
        &self.error
    }

    /// What to try; empty when nothing better is known than the system's own words.
    pub fn advice(&self) -> &str {
        &self.advice
    }

    /// For how long a server was tried that was still starting; what the system said is then what it
    /// said last.
    pub fn tried(&self) -> Option<Duration> {
        self.tried
    }

    /// Whether a deadline passed.
    pub fn is_timeout(&self) -> bool {
        self.error.kind() == io::ErrorKind::TimedOut || self.tried.is_some()
    }

    /// Adds how long the connection was tried.
    #[must_use]
    pub fn tried_for(mut self, tried: Duration) -> Self {
        self.tried = Some(tried);
        self
    }

    /// Whether waiting can cure it: the server does not listen yet.
    pub fn may_pass(&self) -> bool {
        use io::ErrorKind::{ConnectionRefused, ConnectionReset, NotFound, TimedOut};
        match (&self.address, self.error.kind()) {
            #[cfg(unix)]
            (Address::Unix(path), ConnectionRefused) => may_be_socket(path),
            (Address::Unix(_), kind) => matches!(kind, NotFound | TimedOut),
            (Address::Abstract(_) | Address::Tcp { .. }, kind) => {
                matches!(kind, ConnectionRefused | ConnectionReset | TimedOut)
            }
            // While a guest starts, nobody has its CID.
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
            Attempt::Connect => "cannot connect to",
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

/// The text already holds what the system said, so the chain goes on behind it.
impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

/// Other files refuse connections, too. One that is gone by now may come again.
#[cfg(unix)]
fn may_be_socket(path: &[u8]) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let found = std::fs::metadata(crate::long_path::path_of(path));
    found.map_or(true, |file| file.file_type().is_socket())
}

/// The system's text without the number that the standard library puts behind it.
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
