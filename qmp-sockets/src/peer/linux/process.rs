//! The process at the other end of a unix socket.

use std::fmt;
use std::fs;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;

use qmp_proto::Escaped;
use socket2::SockRef;

use crate::raw;

#[derive(Debug)]
pub(crate) struct Process {
    pub(super) pid: u32,
    pub(super) name: String,
    /// The state as ps(1) shows it: `T` is stopped.
    pub(super) state: char,
}

impl Process {
    /// Returns `None` for all but unix sockets, and for a process outside this process's `/proc`.
    /// Also for a socket pair of this process, because the process that was given the other end is
    /// not known.
    pub(crate) fn behind(socket: BorrowedFd<'_>) -> Option<Self> {
        let pid = raw::peer_process(socket).ok()??;
        if pid == std::process::id() && SockRef::from(&socket).peer_addr().ok()?.is_unnamed() {
            return None;
        }
        Self::with_pid(pid)
    }

    pub(super) fn with_pid(pid: u32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        Self::from_stat(pid, &String::from_utf8_lossy(&stat))
    }

    pub(super) fn describe_stop(&self) -> Option<String> {
        let pid = self.pid;
        match self.state {
            'T' => Some(format!("{self} is stopped (SIGSTOP): resume it with kill -CONT {pid}")),
            't' => Some(format!("{self} is stopped by a debugger: continue it there")),
            _ => None,
        }
    }

    /// Parses a line such as `4211 (name, which may contain anything) T …`.
    pub(super) fn from_stat(pid: u32, stat: &str) -> Option<Self> {
        let (before, after) = stat.rsplit_once(')')?;
        let (_pid, name) = before.split_once('(')?;
        let state = after.trim_start().chars().next()?;
        Some(Self { pid, name: name.to_owned(), state })
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} ({})", self.pid, Escaped(&self.name))
    }
}

/// Returns the name of the server's listening socket; that of an abstract socket begins with a zero
/// byte.
pub(super) fn server_name(socket: BorrowedFd<'_>) -> Option<Vec<u8>> {
    let server = SockRef::from(&socket).peer_addr().ok()?;
    match server.as_abstract_namespace() {
        Some(name) => Some([b"\0", name].concat()),
        // The same relative path may belong to another socket in another directory.
        None => {
            let path = server.as_pathname().filter(|path| path.is_absolute())?;
            Some(path.as_os_str().as_bytes().to_vec())
        }
    }
}
