//! A connected stream, whatever its kind.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
#[cfg(unix)]
use std::os::unix::net::UnixStream;

use socket2::SockRef;
#[cfg(unix)]
use socket2::{Domain, Type};

#[cfg(unix)]
use crate::descriptor::NO_SIGNAL;

/// A connected stream socket.
///
/// Reading and writing work on the socket itself; an adapter for a runtime takes the variant apart
/// and hands the standard library's stream over.
#[derive(Debug)]
#[non_exhaustive]
pub enum Socket {
    /// A unix socket, the only kind that carries descriptors.
    #[cfg(unix)]
    Unix(UnixStream),
    /// A TCP connection, `TCP_NODELAY` set when [`connect`](crate::connect()) made it.
    Tcp(TcpStream),
    /// A vsock connection. The standard library has no type for it; as a descriptor it can be
    /// registered with any event loop.
    #[cfg(target_os = "linux")]
    Vsock(OwnedFd),
}

impl Socket {
    /// Whether reads and writes return `WouldBlock` where they would wait.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            // One system call, where socket2 would make two.
            #[cfg(unix)]
            Self::Unix(stream) => stream.set_nonblocking(nonblocking),
            Self::Tcp(stream) => stream.set_nonblocking(nonblocking),
            #[cfg(target_os = "linux")]
            Self::Vsock(_) => self.as_any().set_nonblocking(nonblocking),
        }
    }

    /// Ends reading, writing or both, for this socket and all its clones.
    ///
    /// A server answers what it was sent before the write side was shut down, and then closes.
    ///
    /// # Errors
    ///
    /// What the system says; `NotConnected` when the other side is gone already.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.as_any().shutdown(how)
    }

    /// Writes what can be written at once, whatever the mode of the socket.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if that is nothing, and what the system says.
    #[cfg(unix)]
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let flags = NO_SIGNAL | rustix::net::SendFlags::DONTWAIT;
        Ok(rustix::net::send(self, bytes, flags)?)
    }

    /// A second handle to the same connection.
    ///
    /// # Errors
    ///
    /// What the system says, out of descriptors for one.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            #[cfg(unix)]
            Self::Unix(stream) => Self::Unix(stream.try_clone()?),
            Self::Tcp(stream) => Self::Tcp(stream.try_clone()?),
            #[cfg(target_os = "linux")]
            Self::Vsock(descriptor) => Self::Vsock(descriptor.try_clone()?),
        })
    }

    fn as_any(&self) -> SockRef<'_> {
        match self {
            #[cfg(unix)]
            Self::Unix(stream) => SockRef::from(stream),
            Self::Tcp(stream) => SockRef::from(stream),
            #[cfg(target_os = "linux")]
            Self::Vsock(descriptor) => SockRef::from(descriptor),
        }
    }
}

impl Read for &Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.as_any()).read(buffer)
    }
}

impl Write for &Socket {
    #[cfg(unix)]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(self, bytes, NO_SIGNAL)?)
    }

    #[cfg(not(unix))]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.as_any()).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(unix)]
impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(stream) => stream.as_fd(),
            Self::Tcp(stream) => stream.as_fd(),
            #[cfg(target_os = "linux")]
            Self::Vsock(descriptor) => descriptor.as_fd(),
        }
    }
}

#[cfg(unix)]
impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

#[cfg(unix)]
impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        match socket {
            Socket::Unix(stream) => stream.into(),
            Socket::Tcp(stream) => stream.into(),
            #[cfg(target_os = "linux")]
            Socket::Vsock(descriptor) => descriptor,
        }
    }
}

/// Takes over a connected stream socket, and finds out which kind it is.
///
/// Fails when the descriptor is not a socket, not a stream, or not connected (a listening socket, say).
#[cfg(unix)]
impl TryFrom<OwnedFd> for Socket {
    type Error = io::Error;

    fn try_from(descriptor: OwnedFd) -> io::Result<Self> {
        let socket = socket2::Socket::from(descriptor);
        if socket.r#type()? != Type::STREAM {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a stream socket"));
        }
        socket.peer_addr()?;
        match socket.local_addr()?.domain() {
            Domain::UNIX => Ok(Self::Unix(socket.into())),
            Domain::IPV4 | Domain::IPV6 => Ok(Self::Tcp(socket.into())),
            #[cfg(target_os = "linux")]
            Domain::VSOCK => Ok(Self::Vsock(socket.into())),
            _ => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "neither a unix, a TCP nor a vsock socket",
            )),
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::net::{UnixDatagram, UnixListener};

    use super::*;

    #[test]
    fn a_socket_reads_writes_and_half_closes() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut ours, mut theirs) = (Socket::from(ours), Socket::from(theirs));
        ours.write_all(b"question").unwrap();
        ours.shutdown(Shutdown::Write).unwrap();
        let mut received = String::new();
        theirs.read_to_string(&mut received).unwrap();
        assert_eq!(received, "question");
        theirs.write_all(b"answer").unwrap();
        let mut clone = ours.try_clone().unwrap();
        let mut answer = [0; 6];
        clone.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"answer");
    }

    #[test]
    fn a_non_blocking_socket_says_would_block() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let mut ours = Socket::from(ours);
        ours.set_nonblocking(true).unwrap();
        assert_eq!(ours.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn writing_to_a_closed_socket_is_an_error_and_no_signal() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        let error = Socket::from(ours).write(b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn the_kind_of_a_descriptor_is_found_out() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let unix = Socket::try_from(OwnedFd::from(ours)).unwrap();
        assert!(matches!(unix, Socket::Unix(_)));

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let tcp = Socket::try_from(OwnedFd::from(stream)).unwrap();
        assert!(matches!(tcp, Socket::Tcp(_)));
        let again = Socket::try_from(OwnedFd::from(tcp)).unwrap();
        assert!(matches!(again, Socket::Tcp(_)));
    }

    #[test]
    fn descriptors_that_are_no_connected_streams_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("s")).unwrap();
        let error = Socket::try_from(OwnedFd::from(listener)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);

        let (datagram, _other) = UnixDatagram::pair().unwrap();
        let error = Socket::try_from(OwnedFd::from(datagram)).unwrap_err();
        assert_eq!(error.to_string(), "not a stream socket");

        let file = tempfile::tempfile().unwrap();
        let error = Socket::try_from(OwnedFd::from(file)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTSOCK));
    }
}
