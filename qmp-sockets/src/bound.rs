//! Detects sockets that are bound and do not listen yet.

use std::io;

use rustix::fs::{Stat, major, minor};
use rustix::io::Errno;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// Returns whether a socket is bound to this file, according to `sock_diag(7)`, which lists the sockets of
/// this network namespace.
///
/// Accepted connections refer to the same file and can outlive the server's socket. They are ignored.
pub(crate) fn is_bound(file: &Stat) -> io::Result<bool> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        flags,
        Some(SOCK_DIAG),
    )?;
    let kernel = SocketAddrNetlink::new(0, 0);
    rustix::net::sendto(&socket, &request(), SendFlags::empty(), &kernel)?;
    let mut room = vec![0; 32 << 10];
    loop {
        // The kernel has written the next part of its reply before this call.
        let (length, _) = rustix::net::recv(&socket, &mut room[..], RecvFlags::DONTWAIT)?;
        let mut messages = &room[..length];
        while let Some((kind, body, rest)) = next_message(messages) {
            match kind {
                BY_FAMILY if is_bound_to(body, file) => return Ok(true),
                BY_FAMILY => {}
                DONE => return Ok(false),
                _ => return Err(Errno::NOTSUP.into()),
            }
            messages = rest;
        }
    }
}

/// Numbers of the kernel's interface.
const BY_FAMILY: u16 = 20;
const DONE: u16 = 3;
const REQUEST_DUMP: u16 = 0x301;
const UNIX: u8 = 1;
const SHOW_FILE: u32 = 2;
const FILE: u16 = 1;
/// Bound, or listening, as they are numbered for TCP.
const STATES: u32 = 1 << 7 | 1 << 10;

const HEADER: usize = 16;
const SOCKET: usize = 16;

fn request() -> Vec<u8> {
    let mut request = Vec::with_capacity(40);
    request.extend(40_u32.to_ne_bytes());
    request.extend(BY_FAMILY.to_ne_bytes());
    request.extend(REQUEST_DUMP.to_ne_bytes());
    // Sequence number and port.
    request.extend([0; 8]);
    request.extend([UNIX, 0, 0, 0]);
    request.extend(STATES.to_ne_bytes());
    // Any inode.
    request.extend([0; 4]);
    request.extend(SHOW_FILE.to_ne_bytes());
    // No cookie.
    request.extend([0; 8]);
    request
}

fn next_message(messages: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = usize::try_from(number(messages, 0)?).ok()?;
    let kind = short(messages, 4)?;
    let body = messages.get(HEADER..length)?;
    Some((kind, body, messages.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// Looks for the file among a socket's attributes.
fn is_bound_to(socket: &[u8], file: &Stat) -> bool {
    let mut attributes = socket.get(SOCKET..).unwrap_or_default();
    while let (Some(length), Some(kind)) = (short(attributes, 0), short(attributes, 2)) {
        let (inode, device) = (number(attributes, 4), number(attributes, 8));
        if kind == FILE && inode == Some(file.st_ino as u32) && device == Some(device_of(file)) {
            return true;
        }
        let next = usize::from(length.max(4)).next_multiple_of(4);
        attributes = attributes.get(next..).unwrap_or_default();
    }
    false
}

/// The kernel's own form of it.
fn device_of(file: &Stat) -> u32 {
    major(file.st_dev) << 20 | minor(file.st_dev)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn a_socket_is_bound_to_its_file_until_it_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qmp");
        let listener = UnixListener::bind(&path).unwrap();
        let file = rustix::fs::stat(&path).unwrap();
        assert!(is_bound(&file).unwrap());
        let other = folder.path().join("other");
        std::fs::write(&other, "").unwrap();
        assert!(!is_bound(&rustix::fs::stat(&other).unwrap()).unwrap());

        let _client = UnixStream::connect(&path).unwrap();
        let _served = listener.accept().unwrap();
        drop(listener);
        assert!(!is_bound(&file).unwrap(), "the connection goes on, but nobody listens");
    }

    #[test]
    fn among_many_sockets_it_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let bind = |number| {
            let path = folder.path().join(format!("{number}"));
            (UnixListener::bind(&path).unwrap(), rustix::fs::stat(&path).unwrap())
        };
        // More than fit into one part of the answer.
        let bound: Vec<_> = (0..700).map(bind).collect();
        assert!(is_bound(&bound[0].1).unwrap() && is_bound(&bound[699].1).unwrap());
    }
}
