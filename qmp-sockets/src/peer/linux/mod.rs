//! Finds a peer's process, its state and its clients on Linux.

use std::fmt;
use std::fs;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;

use qmp_proto::Escaped;
use socket2::SockRef;

use crate::raw;

pub(super) fn describe_silence(socket: BorrowedFd<'_>) -> String {
    let process = Process::behind(socket);
    let server = match &process {
        Some(process) => process.to_string(),
        None => "the server".to_owned(),
    };
    if let Some(stop) = process.as_ref().and_then(Process::describe_stop) {
        return stop;
    }
    match process.map(|process| process.state) {
        Some('Z' | 'X') => format!("{server} has ended"),
        Some('D') => {
            format!(
                "{server} is blocked in the kernel, for example by a disk or a network file system"
            )
        }
        state => {
            let running = if state.is_some() { " is running" } else { " is silent" };
            match Clients::of(socket) {
                Some(Clients { served: 1.., waiting: 1.. }) => format!(
                    "{server} is serving another client, and QMP serves one client per socket: \
                     close that client, or give the server a second socket"
                ),
                Some(Clients { served: 0, waiting: 1.. }) => format!(
                    "{server}{running} but does not accept connections: it may be busy, or still \
                     starting"
                ),
                Some(Clients { served: 1, waiting: 0 }) => format!(
                    "{server}{running} and has accepted the connection: its main loop may be \
                     busy, or this socket speaks another protocol"
                ),
                _ => format!(
                    "{server}{running}: another client may be attached (QMP serves one client \
                     per socket), or its main loop is busy"
                ),
            }
        }
    }
}

pub(super) fn describe_stop(socket: BorrowedFd<'_>) -> Option<String> {
    Process::behind(socket)?.describe_stop()
}

pub(super) struct Process {
    pid: u32,
    name: String,
    /// The state as ps(1) shows it: `T` is stopped.
    state: char,
}

impl Process {
    /// Returns `None` for all but unix sockets, and for a process outside this process's `/proc`.
    /// Also for a socket pair of this process, because the process that was given the other end is
    /// not known.
    pub(super) fn behind(socket: BorrowedFd<'_>) -> Option<Self> {
        let pid = raw::peer_process(socket).ok()??;
        if pid == std::process::id() && SockRef::from(&socket).peer_addr().ok()?.is_unnamed() {
            return None;
        }
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        Self::from_stat(pid, &String::from_utf8_lossy(&stat))
    }

    fn describe_stop(&self) -> Option<String> {
        let pid = self.pid;
        match self.state {
            'T' => Some(format!("{self} is stopped (SIGSTOP): resume it with kill -CONT {pid}")),
            't' => Some(format!("{self} is stopped by a debugger: continue it there")),
            _ => None,
        }
    }

    /// Parses a line such as `4211 (name, which may contain anything) T …`.
    fn from_stat(pid: u32, stat: &str) -> Option<Self> {
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

/// The connections to the same listening socket.
#[derive(Debug, PartialEq)]
struct Clients {
    /// Accepted by the server.
    served: usize,
    /// In the kernel's queue.
    waiting: usize,
}

impl Clients {
    /// Counts the connections in the kernel's list of unix sockets, where the server's ends have
    /// the path of the listening socket. Returns `None` if that socket has no name or is not
    /// listed.
    fn of(socket: BorrowedFd<'_>) -> Option<Self> {
        let server = SockRef::from(&socket).peer_addr().ok()?;
        let name = match server.as_abstract_namespace() {
            Some(name) => [b"@", name].concat(),
            // The same relative path may belong to another socket in another directory.
            None => server
                .as_pathname()
                .filter(|path| path.is_absolute())?
                .as_os_str()
                .as_bytes()
                .to_vec(),
        };
        let listed = fs::read("/proc/net/unix").ok()?;
        Some(Self::count(&listed, &name)).filter(|clients| clients.served + clients.waiting > 0)
    }

    /// Parses lines of the form `address: references protocol flags type state inode path`.
    fn count(list: &[u8], name: &[u8]) -> Self {
        const WAITING: &[u8] = b"02";
        const SERVED: &[u8] = b"03";
        let of_name = list.split(|byte| *byte == b'\n').filter_map(|line| {
            let mut fields = line.splitn(7, |byte| *byte == b' ');
            let state = fields.nth(5)?;
            // The inode is padded with leading spaces, and the path follows it.
            let rest = fields.next()?.trim_ascii_start();
            let path = rest.splitn(2, |byte| *byte == b' ').nth(1)?;
            (path == name).then_some(state)
        });
        let mut clients = Self { served: 0, waiting: 0 };
        for state in of_name {
            clients.served += usize::from(state == SERVED);
            clients.waiting += usize::from(state == WAITING);
        }
        clients
    }
}

#[cfg(test)]
mod tests;
