//! From an address to a connected socket.

#[cfg(unix)]
mod local;
mod look_up;
mod pending;
mod progress;
mod tcp;

use std::io;
use std::thread;
use std::time::Instant;

use qmp_proto::Address;

use crate::{ConnectError, Deadline, Socket};

pub use pending::PendingConnect;

pub(crate) use tcp::resolve;

/// Connects to `address`, until the deadline.
///
/// QMP serves one client per socket; the next few wait in a short queue and are connected without
/// being served. When that queue is full, this waits for a place in it. Whoever gets no greeting
/// after this has succeeded can learn the cause from [`describe_silence`](crate::describe_silence).
///
/// A TCP host is resolved, and its addresses are tried in turn with an equal share of the time left.
/// The operating system's resolver cannot be interrupted, so it runs on a thread of its own, which may
/// outlive this call; there is one for each host at a time.
///
/// [`PendingConnect`] is the same without blocking.
///
/// # Errors
///
/// When nothing could be connected: the error names the address, the cause and what to try.
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

/// The same socket in blocking mode; the mode of an inherited one is its owner's.
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
