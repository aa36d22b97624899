//! Finds a peer's process, its state and its clients on Linux.

mod other;
mod process;

use std::fs;
use std::os::fd::BorrowedFd;

use other::OtherClient;
use process::server_name;

pub(super) use other::occupants;
pub(crate) use process::Process;

pub(super) fn describe_silence(socket: BorrowedFd<'_>) -> String {
    let process = Process::behind(socket);
    let server = match &process {
        Some(process) if process.pid == std::process::id() => {
            format!("{process}, which is this process,")
        }
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
                Some(Clients { served: 1.., waiting: 1.. }) => {
                    let other = OtherClient::of(socket).describe();
                    format!(
                        "{server} is serving another client{other}, and QMP serves one client per \
                         socket: close that client, or give the server a second socket"
                    )
                }
                Some(Clients { served: 0, waiting: 1.. }) => format!(
                    "{server}{running} but does not accept connections: it may be busy, or still \
                     starting"
                ),
                Some(Clients { served: 1, waiting: 0 }) => format!(
                    "{server}{running} and has accepted the connection: its main loop may be \
                     busy, its monitor may have been removed (object-del), or this socket speaks \
                     another protocol"
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
        let mut name = server_name(socket)?;
        if let Some(first @ 0) = name.first_mut() {
            *first = b'@';
        }
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
