//! The kernel's list of unix sockets, as `sock_diag(7)` describes it.

use std::io;

use rustix::io::Errno;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// States of sockets, as they are numbered for TCP.
pub(crate) const CONNECTED: u32 = 1 << 1;
pub(crate) const BOUND: u32 = 1 << 7;
pub(crate) const LISTENING: u32 = 1 << 10;

/// What the kernel tells about each socket.
pub(crate) const SHOW_NAME: u32 = 1;
pub(crate) const SHOW_FILE: u32 = 2;
pub(crate) const SHOW_PEER: u32 = 4;

/// Numbers of the kernel's interface.
const BY_FAMILY: u16 = 20;
const DONE: u16 = 3;
const REQUEST_DUMP: u16 = 0x301;
const UNIX: u8 = 1;
const NAME: u16 = 0;
const FILE: u16 = 1;
const PEER: u16 = 2;
const HEADER: usize = 16;
const SOCKET: usize = 16;
const INODE: usize = 4;

/// Returns the first value that `find` returns for a unix socket of this network namespace.
///
/// # Errors
///
/// Returns the operating system's error.
pub(crate) fn list<T>(
    states: u32,
    show: u32,
    mut find: impl FnMut(Listed<'_>) -> Option<T>,
) -> io::Result<Option<T>> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        flags,
        Some(SOCK_DIAG),
    )?;
    let kernel = SocketAddrNetlink::new(0, 0);
    rustix::net::sendto(&socket, &request(states, show), SendFlags::empty(), &kernel)?;
    let mut room = vec![0; 32 << 10];
    loop {
        // The kernel has written the next part of its reply before this call.
        let (length, _) = rustix::net::recv(&socket, &mut room[..], RecvFlags::DONTWAIT)?;
        let mut messages = &room[..length];
        while let Some((kind, body, rest)) = next_message(messages) {
            match kind {
                BY_FAMILY => {
                    let found = find(Listed {
                        inode: number(body, INODE),
                        attributes: body.get(SOCKET..).unwrap_or_default(),
                    });
                    if found.is_some() {
                        return Ok(found);
                    }
                }
                DONE => return Ok(None),
                _ => return Err(Errno::NOTSUP.into()),
            }
            messages = rest;
        }
    }
}

/// The attributes of a socket.
pub(crate) struct Listed<'m> {
    /// The inode of the socket, which is not that of its file.
    pub(crate) inode: Option<u32>,
    attributes: &'m [u8],
}

impl<'m> Listed<'m> {
    /// Returns the path; that of an abstract socket begins with a zero byte.
    pub(crate) fn name(&self) -> Option<&'m [u8]> {
        self.attribute(NAME)
    }

    /// Returns the inode and the device of the socket's file.
    pub(crate) fn file(&self) -> Option<(u32, u32)> {
        let file = self.attribute(FILE)?;
        Some((number(file, 0)?, number(file, 4)?))
    }

    /// Returns the inode of the socket at the other end: zero if that socket was closed.
    pub(crate) fn peer(&self) -> Option<u32> {
        number(self.attribute(PEER)?, 0)
    }

    fn attribute(&self, wanted: u16) -> Option<&'m [u8]> {
        let mut attributes = self.attributes;
        loop {
            let (length, kind) = (usize::from(short(attributes, 0)?), short(attributes, 2)?);
            if kind == wanted {
                return attributes.get(4..length);
            }
            attributes = attributes.get(length.max(4).next_multiple_of(4)..)?;
        }
    }
}

fn request(states: u32, show: u32) -> Vec<u8> {
    let mut request = Vec::with_capacity(40);
    request.extend(40_u32.to_ne_bytes());
    request.extend(BY_FAMILY.to_ne_bytes());
    request.extend(REQUEST_DUMP.to_ne_bytes());
    // Sequence number and port.
    request.extend([0; 8]);
    request.extend([UNIX, 0, 0, 0]);
    request.extend(states.to_ne_bytes());
    // Any inode.
    request.extend([0; 4]);
    request.extend(show.to_ne_bytes());
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

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}
