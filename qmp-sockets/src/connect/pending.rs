//! A connection attempt that does not block.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qmp_proto::Address;

#[cfg(unix)]
use crate::connect::local;
use crate::connect::look_up::LookUp;
use crate::connect::tcp::{Candidates, numeric};
use crate::connect::unsupported;
use crate::{ConnectError, Deadline, Socket};

const FIRST_PAUSE: Duration = Duration::from_micros(250);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// An attempt to connect to an address without blocking. It is polled until there is a result.
/// [`connect`](crate::connect()) sleeps between two polls, and a runtime uses its timer.
///
/// Dropping it cancels the attempt. Only a thread that looks up a host name may be left behind,
/// until the lookup finishes.
///
/// ```no_run
/// use qmp_sockets::{Deadline, PendingConnect};
///
/// # async fn sleep_until(at: std::time::Instant) {}
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mut pending = PendingConnect::new("tcp:localhost:4444".parse()?, Deadline::NEVER);
/// let socket = loop {
///     match pending.try_connect() {
///         Some(connected) => break connected?,
///         None => sleep_until(pending.next_try()).await,
///     }
/// };
/// # Ok(())
/// # }
/// ```
#[must_use = "an attempt does nothing unless it is tried"]
pub struct PendingConnect {
    address: Address,
    started: Instant,
    deadline: Deadline,
    pause: Duration,
    stage: Stage,
}

enum Stage {
    New,
    LookUp(Arc<LookUp>, u16),
    Tcp(Candidates),
    #[cfg(target_os = "linux")]
    Vsock(socket2::Socket),
}

impl PendingConnect {
    /// Creates an attempt that fails when the deadline passes.
    pub fn new(address: Address, deadline: Deadline) -> Self {
        let started = Instant::now();
        Self { address, started, deadline, pause: FIRST_PAUSE, stage: Stage::New }
    }

    /// Returns the address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the result if there is one: a socket in nonblocking mode. Otherwise, call it again
    /// at [`next_try`](Self::next_try).
    ///
    /// The mode of an inherited socket (`fd:N`) belongs to its owner and is not changed.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`connect`](crate::connect()).
    pub fn try_connect(&mut self) -> Option<Result<Socket, ConnectError>> {
        let overdue = self.deadline.expired();
        let connected = match self.stage {
            Stage::New if overdue => Err(io::ErrorKind::TimedOut.into()),
            _ => self.advance(),
        };
        match connected {
            Ok(Some(socket)) => Some(Ok(socket)),
            Ok(None) if !overdue => None,
            Ok(None) => Some(Err(self.timed_out())),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Some(Err(self.timed_out())),
            Err(error) => Some(Err(ConnectError::new(&self.address, error))),
        }
    }

    /// Returns when to try again: after pauses that grow from 0.25 to 20 milliseconds, and at the
    /// deadline.
    pub fn next_try(&mut self) -> Instant {
        let pause = self.deadline.remaining().map_or(self.pause, |left| left.min(self.pause));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Instant::now() + pause
    }

    fn timed_out(&self) -> ConnectError {
        ConnectError::timed_out(&self.address, self.started.elapsed())
    }

    fn advance(&mut self) -> io::Result<Option<Socket>> {
        loop {
            let next = match &mut self.stage {
                Stage::New => match &self.address {
                    Address::Tcp { port: 0, .. } => {
                        return Err(io::Error::new(
                            io::ErrorKind::InvalidInput,
                            "port 0 means any free port, and only to a listener",
                        ));
                    }
                    Address::Tcp { host, port } => match numeric(host, *port) {
                        Some(address) => Stage::Tcp(Candidates::new(vec![address])),
                        None => Stage::LookUp(LookUp::of(host)?, *port),
                    },
                    #[cfg(unix)]
                    Address::Unix(path) => return local::unix(path),
                    #[cfg(target_os = "linux")]
                    Address::Abstract(name) => return local::abstract_unix(name),
                    #[cfg(target_os = "linux")]
                    Address::Vsock { cid, port } => Stage::Vsock(local::vsock(*cid, *port)?),
                    #[cfg(unix)]
                    Address::Descriptor(number) => {
                        let descriptor = crate::duplicate_inherited(*number)?;
                        return Ok(Some(Socket::try_from(descriptor)?.inherited()));
                    }
                    address => return Err(unsupported(address)),
                },
                Stage::LookUp(look_up, port) => match look_up.addresses(*port)? {
                    None => return Ok(None),
                    Some(addresses) => Stage::Tcp(Candidates::new(addresses)),
                },
                Stage::Tcp(candidates) => return candidates.advance(self.deadline),
                #[cfg(target_os = "linux")]
                Stage::Vsock(socket) => return local::connected_vsock(socket),
            };
            self.stage = next;
        }
    }
}

impl fmt::Debug for PendingConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingConnect")
            .field("address", &self.address)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
