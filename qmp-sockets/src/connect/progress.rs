//! Whether a socket that does not block is connected.

use std::io;

/// Whether a socket that does not block is connected by now.
pub(super) fn is_connected(socket: &socket2::Socket) -> io::Result<bool> {
    match socket.take_error()? {
        Some(error) => Err(error),
        None => Ok(socket.peer_addr().is_ok()),
    }
}

/// Whether connecting goes on in the background.
pub(super) fn is_under_way(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) {
        return true;
    }
    error.kind() == io::ErrorKind::WouldBlock
}
