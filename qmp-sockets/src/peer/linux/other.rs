//! Finds the other client of a server.

use std::fs;
use std::os::fd::BorrowedFd;
use std::path::Path;

use qmp_proto::Address;

use super::process::{Process, server_name};
use crate::bound::identity;
use crate::long_path::path_of;
use crate::peer::{Occupant, Occupants};
use crate::sock_diag::{CONNECTED, LISTENING, Listed, SHOW_FILE, SHOW_NAME, SHOW_PEER, list};

/// The other client that a server is serving.
#[derive(Debug)]
pub(super) enum OtherClient {
    /// A connection of this very process.
    Ours,
    Process(Process),
    /// It has closed its connection, and the server has not noticed yet.
    Gone,
    /// It is in another namespace, or the files of its process cannot be read.
    Unknown,
}

impl OtherClient {
    /// Finds the client that is connected to the same listening socket as this one.
    pub(super) fn of(socket: BorrowedFd<'_>) -> Self {
        Self::find(socket).unwrap_or(Self::Unknown)
    }

    fn find(socket: BorrowedFd<'_>) -> Option<Self> {
        let own = rustix::fs::fstat(socket).ok()?.st_ino as u32;
        let name = server_name(socket)?;
        let other = list(CONNECTED, SHOW_NAME | SHOW_PEER, |listed| {
            let of_server = listed.name().map(without_end) == Some(without_end(&name));
            listed.peer().filter(|peer| of_server && *peer != own)
        });
        match other.ok()?? {
            0 => Some(Self::Gone),
            other if holds(Path::new("/proc/self"), other) => Some(Self::Ours),
            other => Process::holding(other).map(Self::Process),
        }
    }

    /// Returns what to say after "another client".
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Ours => {
                let pid = std::process::id();
                format!(", which is another connection of this process (pid {pid})")
            }
            Self::Process(process) => format!(", {process}"),
            Self::Gone => {
                " that has closed its connection, which the server has not noticed yet".to_owned()
            }
            Self::Unknown => String::new(),
        }
    }
}

impl Process {
    fn into_occupant(self) -> Occupant {
        Occupant { pid: self.pid, name: self.name, state: self.state }
    }

    /// Returns the process that has a descriptor of this socket.
    fn holding(socket: u32) -> Option<Self> {
        fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            holds(&entry.path(), socket).then(|| Self::with_pid(pid)).flatten()
        })
    }
}

/// What tells the sockets of an address.
enum Place {
    /// The file, of which there may be several paths.
    File((u32, u32)),
    Name(Vec<u8>),
}

impl Place {
    fn of(address: &Address) -> Option<Self> {
        match address {
            Address::Unix(path) => {
                let file = rustix::fs::stat(path_of(path)).ok()?;
                Some(Self::File(identity(&file)))
            }
            Address::Abstract(name) => Some(Self::Name([b"\0", name.as_slice()].concat())),
            _ => None,
        }
    }

    fn is_of(&self, listed: &Listed<'_>) -> bool {
        match self {
            Self::File(file) => listed.file() == Some(*file),
            Self::Name(name) => listed.name() == Some(name),
        }
    }
}

/// Finds the processes at an address.
pub(in crate::peer) fn occupants(address: &Address) -> Option<Occupants> {
    let place = Place::of(address)?;
    let is_there = |listed: &Listed<'_>| place.is_of(listed);
    let listener =
        list(LISTENING, SHOW_NAME | SHOW_FILE, |listed| listed.inode.filter(|_| is_there(&listed)));
    let server = Process::holding(listener.ok()??).map(Process::into_occupant);
    let mut occupants = Occupants { server, ..Occupants::default() };
    let mut peers = Vec::new();
    let listed = list(CONNECTED, SHOW_NAME | SHOW_FILE | SHOW_PEER, |listed| {
        if is_there(&listed) {
            peers.push(listed.peer().unwrap_or_default());
        }
        None::<()>
    });
    listed.ok()?;
    for peer in peers {
        match Process::holding(peer).filter(|_| peer != 0) {
            Some(process) => occupants.clients.push(process.into_occupant()),
            None => occupants.unknown += 1,
        }
    }
    Some(occupants)
}

/// Returns whether the process with this folder has a descriptor of the socket.
fn holds(process: &Path, socket: u32) -> bool {
    let wanted = format!("socket:[{socket}]");
    let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| target.as_os_str() == wanted.as_str())
}

/// A path may be listed with the zero byte behind it.
fn without_end(name: &[u8]) -> &[u8] {
    name.strip_suffix(b"\0").unwrap_or(name)
}
