//! The processes at a unix socket.

use std::fmt;

use qmp_proto::{Address, Escaped};

/// The processes at a unix socket: the server that listens there, and the clients that it serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupants {
    /// The process that listens. It may have been given the socket by another.
    pub server: Option<Occupant>,
    /// The processes that are connected.
    pub clients: Vec<Occupant>,
    /// The number of connections whose process cannot be found: it is in another namespace, belongs
    /// to another user, or has closed its end.
    pub unknown: usize,
}

/// A process at a socket. Displayed as `pid 4211 (qemu-system-x86)`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupant {
    /// The process id.
    pub pid: u32,
    /// The name of the process, of at most 15 bytes.
    pub name: String,
    /// The state as ps(1) shows it: `T` is stopped, `D` is blocked in the kernel.
    pub state: char,
}

impl Occupants {
    /// Finds the processes at an address, without connecting to it.
    ///
    /// Returns `None` if they cannot be known: on systems other than Linux, for addresses that are not
    /// those of a unix socket, and if nothing listens there.
    pub fn at(address: &Address) -> Option<Self> {
        #[cfg(target_os = "linux")]
        return super::linux::occupants(address);
        #[cfg(not(target_os = "linux"))]
        {
            let _ = address;
            None
        }
    }
}

impl fmt::Display for Occupant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} ({})", self.pid, Escaped(&self.name))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn servers_and_clients_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vm.qmp");
        let address = Address::unix(path.as_os_str().as_encoded_bytes());
        assert_eq!(Occupants::at(&address), None);
        let listener = UnixListener::bind(&path).unwrap();
        let other_path = folder.path().join("./vm.qmp");
        let other = Address::unix(other_path.as_os_str().as_encoded_bytes());
        assert!(Occupants::at(&other).is_some());
        let alone = Occupants::at(&address).unwrap();
        assert_eq!(alone.server.unwrap().pid, std::process::id());
        assert!(alone.clients.is_empty() && alone.unknown == 0);
        let client = UnixStream::connect(&path).unwrap();
        let served = listener.accept().unwrap();
        let busy = Occupants::at(&address).unwrap();
        assert_eq!(busy.clients.len(), 1);
        assert_eq!(busy.clients[0].pid, std::process::id());
        drop(client);
        assert_eq!(Occupants::at(&address).unwrap().unknown, 1, "it has closed its end");
        drop((served, listener));
        assert_eq!(Occupants::at(&address), None);
        assert_eq!(Occupants::at(&Address::tcp("localhost", 4444)), None);
    }
}
