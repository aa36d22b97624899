//! Who is at the other end, and why nothing comes from there.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(unix)]
use std::os::fd::AsFd;

/// Why a server may be silent of whose process nothing is known.
pub const SILENT: &str = "the server is silent: another client may be attached (QMP serves one \
                          client per socket), or the server is stopped or busy";

/// Why a server may be silent that has been connected to: one sentence, with what to do about it.
///
/// On Linux, the process at the other end of a unix socket is found and named, a stopped one is told
/// from a running one, and another client that is being served from one that may be.
/// (The process is the one that opened the listening socket; that is not QEMU where a manager opened
/// it and passed it on.)
/// Elsewhere, and for other kinds of sockets, the possible causes are listed.
///
/// This reads a few files under `/proc`. Call it when a deadline has passed, to complete the error.
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

/// Why a server may be silent that has been connected to: one sentence, with what to do about it.
#[cfg(not(unix))]
pub fn describe_silence<S>(_socket: S) -> String {
    SILENT.to_owned()
}

/// The reason why a server that was heard of before is silent now, if it is that its process was
/// stopped; on Linux, for unix sockets.
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

/// The reason why a server that was heard of before is silent now: nothing is known of it here.
#[cfg(not(unix))]
pub fn describe_stop<S>(_socket: S) -> Option<String> {
    None
}

/// The process that opened the other end, as `pid 4211 (qemu-system-x86)`.
#[cfg(target_os = "linux")]
pub(crate) fn name(socket: impl AsFd) -> Option<String> {
    linux::Process::behind(socket.as_fd()).map(|process| process.to_string())
}

#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) fn name(_socket: impl AsFd) -> Option<String> {
    None
}
