//! Connecting to an address.

#[cfg(unix)]
mod local;
pub(crate) mod look_up;
mod pending;
mod progress;
mod tcp;

use std::io;
use std::thread;
use std::time::Instant;

use qmp_proto::Address;

use crate::{ConnectError, Deadline, Socket};

pub use pending::PendingConnect;

pub(crate) use tcp::{numeric, resolve};

/// Connects to `address`, until the deadline.
///
/// QMP serves one client per socket. Further clients wait in a short queue: they are connected but
/// not served. If the queue is full, this waits for a place in it. If the connection succeeds but
/// no greeting arrives, [`describe_silence`](crate::describe_silence) returns the probable reason.
///
/// The name of a TCP host is looked up, and its addresses are tried in turn, each with an equal
/// share of the time left. The operating system's resolver cannot be interrupted, so it runs on a
/// separate thread, which may outlive this call. There is at most one thread per host at a time.
///
/// [`PendingConnect`] does the same without blocking.
///
/// # Errors
///
/// Returns an error if no connection can be made. It contains the address, the reason and advice.
///
/// # Examples
///
/// ```no_run
/// use std::time::{Duration, Instant};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let deadline = Instant::now() + Duration::from_secs(10);
/// let socket = qmp_sockets::connect(&"unix:/run/vm.qmp".parse()?, Some(deadline))?;
/// # Ok(())
/// # }
/// ```
pub fn connect(address: &Address, deadline: Option<Instant>) -> Result<Socket, ConnectError> {
    let mut pending = PendingConnect::new(address.clone(), deadline.into());
    let socket = loop {
        match pending.try_connect() {
            Some(connected) => break connected?,
            None => sleep_until(pending.next_try()),
        }
    };
    blocking(socket, address)
}

/// Returns the same socket in blocking mode. The mode of an inherited socket belongs to its owner
/// and is not changed.
pub(crate) fn blocking(socket: Socket, address: &Address) -> Result<Socket, ConnectError> {
    if !socket.is_inherited() {
        let changed = socket.set_nonblocking(false);
        changed.map_err(|error| ConnectError::new(address, error))?;
    }
    Ok(socket)
}

pub(crate) fn sleep_until(at: Instant) {
    thread::sleep(Deadline::from(at).remaining().unwrap_or_default());
}

pub(crate) fn unsupported(address: &Address) -> io::Error {
    let kind = match address {
        Address::Unix(_) => "unix sockets",
        Address::Abstract(_) => "abstract unix sockets",
        Address::Vsock { .. } => "vsock sockets",
        _ => "addresses of this kind",
    };
    io::Error::new(io::ErrorKind::Unsupported, format!("{kind} do not exist on this system"))
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
