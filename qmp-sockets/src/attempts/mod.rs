//! Connecting to a server that is still starting.

use std::io;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use qmp_proto::{Address, ProtocolError};

use crate::{Cause, ConnectError, Deadline, Disconnect, Error, Socket, connect};

const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// How long the first attempt may take that gets no answer at all. Most are answered at once.
const FIRST_LIMIT: Duration = Duration::from_secs(1);
const LAST_LIMIT: Duration = Duration::from_millis(50);

/// One attempt after the other, until a server listens: under `connect_when_up` of the adapters.
///
/// ```no_run
/// # use std::process::Child;
/// # use qmp_proto::Address;
/// # use qmp_sockets::{Attempts, Deadline, Error, Socket};
/// # fn example(address: Address, deadline: Deadline, qemu: &mut Child) -> Result<Socket, Error> {
/// let mut attempts = Attempts::new(address, deadline);
/// loop {
///     match attempts.connect() {
///         Ok(socket) => return Ok(socket),
///         Err(error) => attempts.go_on(error.into(), || qemu.try_wait())?,
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Attempts {
    address: Address,
    started: Instant,
    deadline: Deadline,
    /// Before the next attempt.
    pause: Option<Duration>,
    limit: Duration,
    ended: Option<ExitStatus>,
}

impl Attempts {
    /// Attempts to connect to `address`.
    pub fn new(address: Address, deadline: Deadline) -> Self {
        let started = Instant::now();
        Self { address, started, deadline, pause: None, limit: FIRST_LIMIT, ended: None }
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
        if let Some(pause) = self.pause {
            thread::sleep(self.deadline.remaining().map_or(pause, |left| left.min(pause)));
        }
        self.pause = Some(self.pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE)));
        // The last attempt needs a moment to find out what there is to tell.
        let left = self.deadline.remaining().map_or(self.limit, |left| left.max(LAST_LIMIT));
        let limit = Deadline::after(left.min(self.limit));
        self.limit = self.limit.saturating_mul(2);
        connect(&self.address, limit.instant())
    }

    /// Whether to try again after `error`, of [`connect`](Self::connect) or of the handshake.
    ///
    /// That is so while it says that the server does not listen yet: there is no such socket, the
    /// connection is refused, or closed before the handshake is over. `has_ended` looks after the
    /// process, without waiting: how it has ended, if it has. Then there is one more attempt at once,
    /// since a daemon's first process ends when the daemon listens.
    ///
    /// # Errors
    ///
    /// What there is to be said instead of going on: `error` itself, if it will not pass by waiting;
    /// [`Cause::EndedEarly`] if the process has ended; what was tried last and for how long
    /// ([`ConnectError::tried`]) if the deadline has passed.
    pub fn go_on(
        &mut self,
        error: Error,
        has_ended: impl FnOnce() -> io::Result<Option<ExitStatus>>,
    ) -> Result<(), Error> {
        let waited = self.started.elapsed();
        if !may_pass(&error) {
            return Err(error);
        }
        if let Some(status) = self.ended {
            let peer = self.address.to_string().into();
            return Err(Error::new(Cause::EndedEarly { status, waited }).with_peer(&peer));
        }
        self.ended = has_ended().map_err(|error| ConnectError::new(&self.address, error))?;
        if self.ended.is_some() {
            self.pause = None;
        } else if self.deadline.expired() {
            return Err(error.tried_for(waited));
        }
        Ok(())
    }
}

/// Whether it is what a server that starts looks like.
fn may_pass(error: &Error) -> bool {
    match error.cause() {
        Cause::Connect(error) => error.is_not_up(),
        Cause::Disconnected { reason, .. } => match reason {
            Disconnect::Closed | Disconnect::Io(_) => true,
            Disconnect::Protocol(error) => {
                use ProtocolError::{EndInHandshake, EndInsideMessage, EndWithRequests};
                matches!(error, EndInHandshake { .. } | EndInsideMessage | EndWithRequests { .. })
            }
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
