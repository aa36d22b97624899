//! Listening sockets: QEMU can connect to its client.

mod pending;

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Instant;

use qmp_proto::Address;
use socket2::{Domain, SockAddr, Type};

pub use pending::PendingBind;

use crate::connect::{resolve, unsupported};
use crate::{ConnectError, Deadline, IntoAddress, Socket, SocketError};

/// A monitor has one client, so few connections wait at a time.
const BACKLOG: i32 = 16;

/// A socket that waits for connections.
///
/// - The file of a unix socket has mode 0600 and is removed when the listener is dropped.
///   The file of a server that has exited is replaced, the file of a running server never is.
/// - TCP without a host listens on the loopback interface only. QMP has no authentication: any client
///   of a monitor can do everything that QEMU can.
/// - Port 0 selects a free port; [`local_address`](Self::local_address) returns it.
/// - `fd:N` uses a listening socket that the process has inherited. The socket is nonblocking while the
///   listener exists, also for other processes that share it. Its mode is restored afterwards.
///
/// # Examples
///
/// ```
/// # #[cfg(unix)] {
/// use std::time::{Duration, Instant};
/// use qmp_sockets::{Listener, connect};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = Listener::bind("tcp:127.0.0.1:0")?;
/// println!("start QEMU with -qmp {}", listener.local_address());
/// # let _qemu = connect(listener.local_address(), None)?;
///
/// let socket = listener.accept(Some(Instant::now() + Duration::from_secs(10)))?;
/// # Ok(())
/// # }
/// # main().unwrap();
/// # }
/// ```
#[derive(Debug)]
pub struct Listener {
    socket: socket2::Socket,
    address: Address,
    #[cfg(unix)]
    _file: Option<crate::socket_file::SocketFile>,
    /// Whether an inherited socket was blocking before.
    #[cfg(unix)]
    blocks_again: bool,
}

impl Listener {
    /// Starts to listen on `address`.
    ///
    /// # Errors
    ///
    /// Returns an error if the address is in use, does not belong to this machine or is not supported on
    /// this system, or if the file or port cannot be created. The error states which.
    pub fn bind(address: impl IntoAddress) -> Result<Self, SocketError> {
        let address = &address.into_address()?;
        Ok(Self::try_bind(address).map_err(|error| ConnectError::listening(address, error))?)
    }

    /// Waits for a connection until the deadline.
    ///
    /// # Errors
    ///
    /// Returns an error if the deadline has passed ([`ConnectError::is_timeout`]), or if accepting fails.
    pub fn accept(&self, deadline: Option<Instant>) -> Result<Socket, ConnectError> {
        let started = Instant::now();
        let deadline = Deadline::from(deadline);
        loop {
            match self.try_accept() {
                Ok(socket) => return Ok(socket),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(ConnectError::listening(&self.address, error)),
            }
            if deadline.expired() {
                return Err(ConnectError::nobody_connected(&self.address, started.elapsed()));
            }
            self.wait(deadline).map_err(|error| ConnectError::listening(&self.address, error))?;
        }
    }

    /// Accepts a pending connection without blocking. Use this in an event loop that waits until the
    /// listener is readable.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` if no connection is pending, or the error of the operating system.
    pub fn try_accept(&self) -> io::Result<Socket> {
        loop {
            match self.socket.accept() {
                Ok((socket, _address)) => return accepted(socket),
                // The client left before it was accepted, or a signal arrived.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the bound address, with the selected port in place of 0.
    pub fn local_address(&self) -> &Address {
        &self.address
    }

    fn try_bind(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp { host, port } => Self::bind_tcp(resolve(host, *port)?, *port),
            #[cfg(unix)]
            Address::Unix(path) => Self::bind_path(path),
            #[cfg(target_os = "linux")]
            Address::Abstract(name) => {
                let bound = bound(Domain::UNIX, &crate::abstract_name::socket_address(name)?)?;
                Self::new(bound, address.clone())
            }
            #[cfg(target_os = "linux")]
            Address::Vsock { cid, port } => {
                let bound = bound(Domain::VSOCK, &SockAddr::vsock(*cid, *port))?;
                let address = match bound.local_addr()?.as_vsock_address() {
                    Some((cid, port)) => Address::Vsock { cid, port },
                    None => address.clone(),
                };
                Self::new(bound, address)
            }
            #[cfg(unix)]
            Address::Descriptor(number) => Self::inherit(*number),
            _ => Err(unsupported(address)),
        }
    }

    /// Wraps a listening socket and makes it nonblocking: `accept` waits with poll(2), so that a client that
    /// leaves in between does not block it beyond its deadline.
    fn new(socket: socket2::Socket, address: Address) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            address,
            #[cfg(unix)]
            _file: None,
            #[cfg(unix)]
            blocks_again: false,
        })
    }

    /// Binds to the first of these addresses that it can.
    fn bind_tcp(addresses: Vec<SocketAddr>, port: u16) -> io::Result<Self> {
        let mut last_error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for candidate in addresses {
            let candidate = SockAddr::from(candidate);
            match bound(candidate.domain(), &candidate) {
                Ok(socket) => {
                    let local = socket.local_addr()?;
                    let address = local.as_socket().unwrap_or_else(|| ([0; 4], port).into());
                    return Self::new(socket, address.into());
                }
                Err(error) => last_error = error,
            }
        }
        Err(last_error)
    }

    #[cfg(unix)]
    fn bind_path(path: &[u8]) -> io::Result<Self> {
        let address = Address::unix(path);
        let path = crate::long_path::path_of(path);
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        let file = crate::socket_file::SocketFile::listen(&socket, path, BACKLOG)?;
        let mut listener = Self::new(socket, address)?;
        listener._file = Some(file);
        Ok(listener)
    }

    #[cfg(unix)]
    fn inherit(number: u32) -> io::Result<Self> {
        let descriptor = crate::duplicate_inherited(number)?;
        // Apple's systems cannot tell; there, accepting fails.
        #[cfg(not(target_vendor = "apple"))]
        if !rustix::net::sockopt::socket_acceptconn(&descriptor)? {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the descriptor is not a listening socket",
            ));
        }
        let socket = socket2::Socket::from(descriptor);
        let blocks_again = !socket.nonblocking()?;
        let mut listener = Self::new(socket, Address::Descriptor(number))?;
        listener.blocks_again = blocks_again;
        Ok(listener)
    }

    #[cfg(unix)]
    fn wait(&self, deadline: Deadline) -> io::Result<()> {
        let readable = rustix::event::PollFlags::IN;
        crate::readiness::wait(&self.socket, readable, deadline.remaining()).map(|_| ())
    }

    #[cfg(not(unix))]
    fn wait(&self, deadline: Deadline) -> io::Result<()> {
        let pause = std::time::Duration::from_millis(20);
        std::thread::sleep(deadline.remaining().map_or(pause, |remaining| remaining.min(pause)));
        Ok(())
    }
}

#[cfg(unix)]
impl Drop for Listener {
    fn drop(&mut self) {
        if self.blocks_again {
            let _ = self.socket.set_nonblocking(false);
        }
    }
}

#[cfg(unix)]
impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[cfg(unix)]
impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn bound(domain: Domain, address: &SockAddr) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(domain, Type::STREAM, None)?;
    // On unix: connections of an earlier listener that linger are no hindrance. On Windows the
    // option would take the port away from a live listener.
    #[cfg(unix)]
    if domain == Domain::IPV4 || domain == Domain::IPV6 {
        socket.set_reuse_address(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

fn accepted(socket: socket2::Socket) -> io::Result<Socket> {
    // Some systems let it inherit this from the listener.
    socket.set_nonblocking(false)?;
    if socket.local_addr()?.as_socket().is_some() {
        socket.set_tcp_nodelay(true)?;
    }
    #[cfg(unix)]
    return Socket::try_from(std::os::fd::OwnedFd::from(socket));
    #[cfg(not(unix))]
    Ok(std::net::TcpStream::from(socket).into())
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
