//! Connecting to a server that is still starting.

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use qmp_proto::Address;

use crate::connect::{blocking, sleep_until};
use crate::connect_error::in_words;
use crate::{ConnectError, Deadline, PendingConnect, Socket};

const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// The time limit of the first attempt, if there is no answer at all. Usually an attempt succeeds
/// or fails immediately.
const FIRST_LIMIT: Duration = Duration::from_secs(1);
const LAST_LIMIT: Duration = Duration::from_millis(50);

/// Repeated attempts to connect until a server listens, as in `connect_with_retry` of the adapters.
///
/// ```no_run
/// # use std::process::Child;
/// # use qmp_proto::Address;
/// # use qmp_sockets::{ConnectRetry, ConnectError, Deadline, RetryError, Socket};
/// # fn example(address: Address, deadline: Deadline, qemu: &mut Child) -> Result<Socket, RetryError> {
/// let mut attempts = ConnectRetry::new(address, deadline);
/// loop {
///     match attempts.connect() {
///         Ok(socket) => return Ok(socket),
///         Err(error) if error.is_transient() => attempts.retry(|| qemu.try_wait())?,
///         Err(error) => return Err(error.into()),
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct ConnectRetry {
    address: Address,
    started: Instant,
    deadline: Deadline,
    /// The pause before the attempt after the next one.
    pause: Duration,
    /// When the next attempt begins.
    begins: Instant,
    /// The attempt in progress.
    pending: Option<PendingConnect>,
    limit: Duration,
    ended: Option<ExitStatus>,
}

impl ConnectRetry {
    /// Creates attempts to connect to `address`.
    pub fn new(address: Address, deadline: Deadline) -> Self {
        let started = Instant::now();
        Self {
            address,
            started,
            deadline,
            pause: FIRST_PAUSE,
            begins: started,
            pending: None,
            limit: FIRST_LIMIT,
            ended: None,
        }
    }

    /// Returns the address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Makes one attempt. Each attempt but the first is preceded by a pause, which grows from 2 to
    /// 50 milliseconds.
    ///
    /// It blocks for at most one second at first, and for longer in later attempts, if the peer
    /// does not even refuse the connection.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`connect`](crate::connect()).
    pub fn connect(&mut self) -> Result<Socket, ConnectError> {
        let socket = loop {
            match self.try_connect() {
                Some(connected) => break connected?,
                None => sleep_until(self.next_try()),
            }
        };
        blocking(socket, &self.address)
    }

    /// Does the same as [`connect`](Self::connect) without blocking. Returns the result of the
    /// attempt, a socket in nonblocking mode, or `None` while there is none; call it again at
    /// [`next_try`](Self::next_try).
    ///
    /// # Errors
    ///
    /// Returns the errors of [`connect`](crate::connect()).
    pub fn try_connect(&mut self) -> Option<Result<Socket, ConnectError>> {
        if Instant::now() < self.begins {
            return None;
        }
        if self.pending.is_none() {
            // The last attempt needs a moment to find the actual error.
            let left = self.deadline.remaining().map_or(self.limit, |left| left.max(LAST_LIMIT));
            let limit = Deadline::after(left.min(self.limit));
            self.limit = self.limit.saturating_mul(2);
            self.pending = Some(PendingConnect::new(self.address.clone(), limit));
        }
        let connected = self.pending.as_mut()?.try_connect()?;
        self.pending = None;
        let pause = self.deadline.remaining().map_or(self.pause, |left| left.min(self.pause));
        self.begins = Instant::now() + pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Some(connected)
    }

    /// Returns when to try again.
    pub fn next_try(&mut self) -> Instant {
        self.pending.as_mut().map_or(self.begins, PendingConnect::next_try)
    }

    /// Decides whether to try again after an error that may be temporary.
    ///
    /// `has_ended` returns the exit status of the server's process, if it has exited, without
    /// blocking. After that, one more attempt is made immediately, because the first process of a
    /// daemon exits when the daemon listens.
    ///
    /// # Errors
    ///
    /// Returns the reason to stop: the process has exited, the deadline has passed, or `has_ended`
    /// failed.
    pub fn retry(
        &mut self,
        has_ended: impl FnOnce() -> io::Result<Option<ExitStatus>>,
    ) -> Result<(), RetryError> {
        let waited = self.started.elapsed();
        if let Some(status) = self.ended {
            return Err(RetryError::Ended(EndedEarly { status, waited }));
        }
        self.ended = has_ended().map_err(|error| ConnectError::new(&self.address, error))?;
        if self.ended.is_some() {
            self.begins = Instant::now();
        } else if self.deadline.expired() {
            return Err(RetryError::TimedOut { waited });
        }
        Ok(())
    }
}

/// The reason why no further attempt is made.
#[derive(Debug)]
#[non_exhaustive]
pub enum RetryError {
    /// The process of the server has exited.
    Ended(EndedEarly),
    /// The deadline has passed.
    TimedOut {
        /// How long the server was tried.
        waited: Duration,
    },
    /// `has_ended` failed.
    Unknown(ConnectError),
}

impl From<ConnectError> for RetryError {
    fn from(error: ConnectError) -> Self {
        Self::Unknown(error)
    }
}

/// The process of a server that was still starting exited before a connection could be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EndedEarly {
    /// The exit status.
    pub status: ExitStatus,
    /// How long the server was tried.
    pub waited: Duration,
}

impl fmt::Display for EndedEarly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the server ended with {} after {}, before a connection could be made: see its \
             standard error",
            describe_status(&self.status),
            in_words(self.waited)
        )
    }
}

impl Error for EndedEarly {}

/// Formats an exit status; the standard library writes `exit status: 1`.
pub(crate) fn describe_status(status: &ExitStatus) -> String {
    status.to_string().replacen(": ", " ", 1)
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
