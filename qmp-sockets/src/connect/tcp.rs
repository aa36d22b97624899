//! Connecting to a TCP host.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::vec::IntoIter;

use socket2::{Domain, Protocol, Type};

use crate::connect::progress::{is_connected, is_under_way};
use crate::{Deadline, Socket};

/// The addresses that are tried in turn.
pub(super) struct Candidates {
    left: IntoIter<SocketAddr>,
    /// The socket that is being connected, and its deadline.
    current: Option<(socket2::Socket, Deadline)>,
    last_error: io::Error,
}

impl Candidates {
    pub(super) fn new(addresses: Vec<SocketAddr>) -> Self {
        let last_error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        Self { left: addresses.into_iter(), current: None, last_error }
    }

    /// Continues to connect. Each address has an equal share of the time left.
    pub(super) fn advance(&mut self, deadline: Deadline) -> io::Result<Option<Socket>> {
        loop {
            let Some((socket, limit)) = &self.current else {
                self.start_next(deadline)?;
                continue;
            };
            let connected = is_connected(socket);
            match connected {
                Ok(false) if !limit.expired() => return Ok(None),
                Ok(false) => self.last_error = io::ErrorKind::TimedOut.into(),
                Err(error) => self.last_error = error,
                Ok(true) => {
                    if let Some((socket, _)) = self.current.take() {
                        let stream = TcpStream::from(socket);
                        // If connecting to a port in the range of ephemeral ports is retried, the
                        // client can connect to itself.
                        if !is_own_end(&stream) {
                            // Commands and replies are small and must be sent without delay.
                            stream.set_nodelay(true)?;
                            return Ok(Some(stream.into()));
                        }
                        self.last_error = io::ErrorKind::ConnectionRefused.into();
                    }
                }
            }
            self.current = None;
        }
    }

    fn start_next(&mut self, deadline: Deadline) -> io::Result<()> {
        let shares = u32::try_from(self.left.len()).unwrap_or(u32::MAX);
        let Some(address) = self.left.next() else {
            let last_error = io::ErrorKind::TimedOut.into();
            return Err(std::mem::replace(&mut self.last_error, last_error));
        };
        let limit = deadline.remaining().map(|left| Deadline::after(left / shares));
        match start(address) {
            Ok(socket) => self.current = Some((socket, limit.unwrap_or(Deadline::NEVER))),
            Err(error) => self.last_error = error,
        }
        Ok(())
    }
}

fn start(address: SocketAddr) -> io::Result<socket2::Socket> {
    let domain = Domain::for_address(address);
    let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Err(error) if !is_under_way(&error) => Err(error),
        _ => Ok(socket),
    }
}

/// Returns whether a socket is connected to itself. TCP does that if nothing listens on the port
/// and the operating system happens to choose the same port for the client.
pub(super) fn is_own_end(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(ours), Ok(theirs)) if ours == theirs)
}

/// Returns the address of a host that is given as a number.
pub(crate) fn numeric(host: &str, port: u16) -> Option<SocketAddr> {
    host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port))
}

/// Returns the addresses of a host. A name is looked up on this thread.
pub(crate) fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    match numeric(host, port) {
        Some(address) => Ok(vec![address]),
        None => (host, port).to_socket_addrs().map(Iterator::collect),
    }
}
