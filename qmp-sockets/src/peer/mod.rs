//! The process at the other end, and why it does not answer.

#[cfg(target_os = "linux")]
mod linux;
mod occupants;

#[cfg(unix)]
use std::os::fd::AsFd;

pub use occupants::{Occupant, Occupants};

/// The advice for a server that does not answer, if its process is not known.
pub const SILENT: &str = "the server is silent: another client may be attached (QMP serves one \
                          client per socket), or the server is stopped or busy";

/// Returns why a connected server may not answer, in one sentence with advice.
///
/// On Linux, the process at the other end of a unix socket is found and named. The sentence
/// distinguishes a stopped process from a running one, and states whether another client is
/// connected. (The process is the one that opened the listening socket. That is not QEMU if a
/// manager opened the socket and passed it on.) On other systems, and for other kinds of sockets,
/// the sentence lists the possible causes.
///
/// This reads a few files in `/proc`. Call it when a deadline has passed, to complete the error.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use std::os::unix::net::UnixStream;
///
/// let (ours, _theirs) = UnixStream::pair().unwrap();
/// println!("no greeting: {}", qmp_sockets::describe_silence(&ours));
/// # }
/// ```
#[cfg(unix)]
pub fn describe_silence(socket: impl AsFd) -> String {
    #[cfg(target_os = "linux")]
    return linux::describe_silence(socket.as_fd());
    #[cfg(not(target_os = "linux"))]
    {
        let _ = socket;
        SILENT.to_owned()
    }
}

/// Returns why a connected server may not answer, in one sentence with advice.
#[cfg(not(unix))]
pub fn describe_silence<S>(_socket: S) -> String {
    SILENT.to_owned()
}

/// Returns why a server that has answered before does not answer now, if its process was stopped.
/// Only known on Linux, for unix sockets.
#[cfg(unix)]
pub fn describe_stop(socket: impl AsFd) -> Option<String> {
    #[cfg(target_os = "linux")]
    return linux::describe_stop(socket.as_fd());
    #[cfg(not(target_os = "linux"))]
    {
        let _ = socket;
        None
    }
}

/// Returns `None`: the reason is not known on this platform.
#[cfg(not(unix))]
pub fn describe_stop<S>(_socket: S) -> Option<String> {
    None
}

/// Returns the process that opened the other end, as `pid 4211 (qemu-system-x86)`.
#[cfg(target_os = "linux")]
pub(crate) fn name(socket: impl AsFd) -> Option<String> {
    linux::Process::behind(socket.as_fd()).map(|process| process.to_string())
}

#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) fn name(_socket: impl AsFd) -> Option<String> {
    None
}
