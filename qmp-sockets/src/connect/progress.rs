//! The progress of a nonblocking connect.

use std::io;

/// Returns whether a nonblocking socket has connected.
pub(super) fn is_connected(socket: &socket2::Socket) -> io::Result<bool> {
    match socket.take_error()? {
        Some(error) => Err(error),
        None => Ok(socket.peer_addr().is_ok()),
    }
}

/// Returns whether the error means that connecting continues in the background.
pub(super) fn is_under_way(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) {
        return true;
    }
    error.kind() == io::ErrorKind::WouldBlock
}
