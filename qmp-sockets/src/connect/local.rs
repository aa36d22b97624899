//! Connecting to unix and vsock sockets.

use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::io::Errno;
use socket2::{Domain, SockAddr, Type};

use crate::Socket;
#[cfg(target_os = "linux")]
use crate::connect::progress::{is_connected, is_under_way};
use crate::long_path::{ShortPath, path_of};

/// Returns `None` if the server's queue is full.
pub(super) fn unix(path: &[u8]) -> io::Result<Option<Socket>> {
    let short = ShortPath::to_connect(path_of(path))?;
    stream(&SockAddr::unix(&short)?)
}

/// Returns `None` if the server's queue is full.
#[cfg(target_os = "linux")]
pub(super) fn abstract_unix(name: &[u8]) -> io::Result<Option<Socket>> {
    stream(&crate::abstract_name::socket_address(name)?)
}

/// Connects a unix socket. The operating system does not report when a full queue has space again,
/// so this has to be retried.
fn stream(address: &SockAddr) -> io::Result<Option<Socket>> {
    let socket = nonblocking(Domain::UNIX)?;
    match socket.connect(address) {
        Ok(()) => Ok(Some(UnixStream::from(socket).into())),
        Err(error) if is_queue_full(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Linux reports the first error, other systems may report the second.
fn is_queue_full(error: &io::Error) -> bool {
    let waits = [Errno::AGAIN, Errno::INPROGRESS];
    waits.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(target_os = "linux")]
pub(super) fn vsock(cid: u32, port: u32) -> io::Result<socket2::Socket> {
    let socket = nonblocking(Domain::VSOCK)?;
    match socket.connect(&SockAddr::vsock(cid, port)) {
        Err(error) if !is_under_way(&error) => Err(error),
        _ => Ok(socket),
    }
}

#[cfg(target_os = "linux")]
pub(super) fn connected_vsock(socket: &socket2::Socket) -> io::Result<Option<Socket>> {
    if !is_connected(socket)? {
        return Ok(None);
    }
    Socket::try_from(OwnedFd::from(socket.try_clone()?)).map(Some)
}

#[cfg(target_os = "linux")]
fn nonblocking(domain: Domain) -> io::Result<socket2::Socket> {
    socket2::Socket::new(domain, Type::STREAM.nonblocking(), None)
}

#[cfg(not(target_os = "linux"))]
fn nonblocking(domain: Domain) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(domain, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
