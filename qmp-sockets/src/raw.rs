//! The two system calls that no safe wrapper offers in the form needed here. All `unsafe` code of
//! this project is in this file.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Duplicates the file descriptor with this number. The duplicate is close-on-exec.
///
/// Safe wrappers take a borrowed descriptor, which has to be open. A number from a user may not be;
/// the kernel then returns `EBADF`.
pub(crate) fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: this command accepts any number and does not access memory.
    let duplicate = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 0) };
    if duplicate < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(duplicate) })
}

/// Returns the process that created the other end of a unix socket by calling `listen` or
/// `socketpair`.
///
/// Safe wrappers use a type for the process id that cannot be zero. But it is zero if the process
/// is outside this process's PID namespace, for example because this process runs in a container.
#[cfg(target_os = "linux")]
pub(crate) fn peer_process(socket: std::os::fd::BorrowedFd<'_>) -> io::Result<Option<u32>> {
    use std::os::fd::AsRawFd;

    let mut credentials = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: both pointers are valid, and `length` is the size of the first variable.
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
