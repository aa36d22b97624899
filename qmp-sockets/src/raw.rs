//! The two system calls that no safe wrapper offers in the form needed here, and with them all the
//! `unsafe` of this project.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Duplicates whatever descriptor has this number; close-on-exec is set on the duplicate.
///
/// Wrappers want a borrowed descriptor, which promises that it is open. A number that a user wrote
/// promises nothing; the kernel answers `EBADF` when it is not open.
pub(crate) fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: this command takes any number and touches no memory.
    let duplicate = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 0) };
    if duplicate < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor, for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(duplicate) })
}

/// The process that made the other end of a unix socket: who called `listen` or `socketpair`.
///
/// Wrappers give the process id a type that cannot be zero, but it is zero when that process lives
/// outside our namespace of process ids, as it does when we run in a container.
#[cfg(target_os = "linux")]
pub(crate) fn peer_process(socket: std::os::fd::BorrowedFd<'_>) -> io::Result<Option<u32>> {
    use std::os::fd::AsRawFd;

    let mut credentials = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: both pointers are to live variables, and `length` is the size of the first.
    let status = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut length,
        )
    };
    match status {
        0 => Ok(u32::try_from(credentials.pid).ok().filter(|pid| *pid != 0)),
        _ => Err(io::Error::last_os_error()),
    }
}
