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

/// How long the first attempt may take that gets no answer at all. Most are answered at once.
const FIRST_LIMIT: Duration = Duration::from_secs(1);
const LAST_LIMIT: Duration = Duration::from_millis(50);

/// Repeated attempts to connect, until a server listens: `connect_when_up` of the adapters.
///
/// ```no_run
/// # use std::process::Child;
/// # use qmp_proto::Address;
/// # use qmp_sockets::{Attempts, ConnectError, Deadline, RetryError, Socket};
/// # fn example(address: Address, deadline: Deadline, qemu: &mut Child) -> Result<Socket, RetryError> {
/// let mut attempts = Attempts::new(address, deadline);
/// loop {
///     match attempts.connect() {
///         Ok(socket) => return Ok(socket),
///         Err(error) if error.may_pass() => attempts.retry(|| qemu.try_wait())?,
///         Err(error) => return Err(error.into()),
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Attempts {
    address: Address,
    started: Instant,
    deadline: Deadline,
    /// Before the attempt after the next one.
    pause: Duration,
    /// When the next attempt begins.
    begins: Instant,
    /// The attempt that has begun.
    pending: Option<PendingConnect>,
    limit: Duration,
    ended: Option<ExitStatus>,
}

impl Attempts {
    /// Attempts to connect to `address`.
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

    /// The address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// One attempt, after a pause that grows from 2 to 50 milliseconds; the first time without.
    ///
    /// It blocks, for a second at first and later for longer if the other side does not even say no.
    ///
    /// # Errors
    ///
    /// As [`connect`](crate::connect()).
    pub fn connect(&mut self) -> Result<Socket, ConnectError> {
        let socket = loop {
            match self.try_connect() {
                Some(connected) => break connected?,
                None => sleep_until(self.next_try()),
            }
        };
        blocking(socket, &self.address)
    }

    /// As [`connect`](Self::connect) without blocking: returns the result of the attempt if there is
    /// one, a socket in non-blocking mode. Otherwise it is to be called again at
    /// [`next_try`](Self::next_try).
    ///
    /// # Errors
    ///
    /// As [`connect`](crate::connect()).
    pub fn try_connect(&mut self) -> Option<Result<Socket, ConnectError>> {
        if Instant::now() < self.begins {
            return None;
        }
        if self.pending.is_none() {
            // The last attempt needs a moment to find out what there is to tell.
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

    /// When to try again.
    pub fn next_try(&mut self) -> Instant {
        self.pending.as_mut().map_or(self.begins, PendingConnect::next_try)
    }

    /// Decides whether to try again after a failure that waiting can cure.
    ///
    /// `has_ended` returns how the server's process ended, if it has, without waiting. When it has
    /// ended there is one more attempt at once, since a daemon's first process ends when the daemon
    /// listens.
    ///
    /// # Errors
    ///
    /// The reason to stop: the process has ended, the deadline has passed, or `has_ended` failed.
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

/// Why a server that was still starting is not tried again.
#[derive(Debug)]
#[non_exhaustive]
pub enum RetryError {
    /// Its process has ended.
    Ended(EndedEarly),
    /// The deadline has passed.
    TimedOut {
        /// How long the server was tried.
        waited: Duration,
    },
    /// Whether the process has ended could not be found out.
    Unknown(ConnectError),
}

impl From<ConnectError> for RetryError {
    fn from(error: ConnectError) -> Self {
        Self::Unknown(error)
    }
}

/// The process of a server that was still starting ended before anyone could connect to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EndedEarly {
    /// How it ended.
    pub status: ExitStatus,
    /// How long the server was tried.
    pub waited: Duration,
}

impl fmt::Display for EndedEarly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the server ended with {} after {}, before anybody could connect to it: look at what \
             it wrote to its standard error",
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
