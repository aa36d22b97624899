//! Connected sockets of any kind.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
#[cfg(unix)]
use std::os::unix::net::UnixStream;

use socket2::SockRef;
#[cfg(unix)]
use socket2::{Domain, Type};

#[cfg(unix)]
use crate::descriptor::NO_SIGNAL;

/// A connected stream socket: unix, TCP or vsock.
///
/// It can be created from a stream of the standard library or from an `OwnedFd`, or by
/// [`connect`](crate::connect()). It implements reading and writing. The adapter for a runtime
/// registers it as a file descriptor.
#[derive(Debug)]
pub struct Socket {
    kind: Kind,
    is_inherited: bool,
}

#[derive(Debug)]
enum Kind {
    #[cfg(unix)]
    Unix(UnixStream),
    Tcp(TcpStream),
    /// The standard library has no type for vsock.
    #[cfg(target_os = "linux")]
    Vsock(OwnedFd),
}

impl Socket {
    /// Sets nonblocking mode: reads and writes that would block return `WouldBlock`.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match &self.kind {
            // One system call, where socket2 needs two.
            #[cfg(unix)]
            Kind::Unix(stream) => stream.set_nonblocking(nonblocking),
            Kind::Tcp(stream) => stream.set_nonblocking(nonblocking),
            #[cfg(target_os = "linux")]
            Kind::Vsock(_) => self.as_any().set_nonblocking(nonblocking),
        }
    }

    /// Returns whether the socket can pass file descriptors. Only unix sockets can.
    pub fn supports_descriptors(&self) -> bool {
        #[cfg(unix)]
        return matches!(self.kind, Kind::Unix(_));
        #[cfg(not(unix))]
        return false;
    }

    /// Returns whether the socket is a duplicate of one that the process has inherited (address
    /// `fd:N`). The connection and its blocking mode then belong to the owner of that file
    /// descriptor: use [`try_read`](Self::try_read) and [`try_write`](Self::try_write).
    pub const fn is_inherited(&self) -> bool {
        self.is_inherited
    }

    #[cfg(unix)]
    pub(crate) const fn inherited(mut self) -> Self {
        self.is_inherited = true;
        self
    }

    /// Shuts down the read half, the write half or both, for this socket and all its clones. Does
    /// nothing to an [inherited](Self::is_inherited) socket, which its owner may still use.
    ///
    /// After the write half is shut down, a server answers what it has received, and then closes
    /// the connection.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error, which is `NotConnected` if the peer has already closed
    /// the connection.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if self.is_inherited { Ok(()) } else { self.as_any().shutdown(how) }
    }

    /// Reads available bytes without blocking, even if the socket is in blocking mode.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` if there are none, or the operating system's error.
    #[cfg(unix)]
    pub fn try_read(&self, room: &mut [u8]) -> io::Result<usize> {
        let (count, _) = rustix::net::recv(self, room, rustix::net::RecvFlags::DONTWAIT)?;
        Ok(count)
    }

    /// Writes as many bytes as possible without blocking, even if the socket is in blocking mode.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` if nothing can be written, and otherwise the operating system's error.
    #[cfg(unix)]
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let flags = NO_SIGNAL | rustix::net::SendFlags::DONTWAIT;
        Ok(rustix::net::send(self, bytes, flags)?)
    }

    /// Writes some bytes. On this system, it cannot be determined whether that would block, so it
    /// blocks.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error.
    #[cfg(not(unix))]
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.as_any()).write(bytes)
    }

    /// Returns a second handle to the same connection.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error, for example if too many files are open.
    pub fn try_clone(&self) -> io::Result<Self> {
        let kind = match &self.kind {
            #[cfg(unix)]
            Kind::Unix(stream) => Kind::Unix(stream.try_clone()?),
            Kind::Tcp(stream) => Kind::Tcp(stream.try_clone()?),
            #[cfg(target_os = "linux")]
            Kind::Vsock(descriptor) => Kind::Vsock(descriptor.try_clone()?),
        };
        Ok(Self { kind, is_inherited: self.is_inherited })
    }

    fn as_any(&self) -> SockRef<'_> {
        match &self.kind {
            #[cfg(unix)]
            Kind::Unix(stream) => SockRef::from(stream),
            Kind::Tcp(stream) => SockRef::from(stream),
            #[cfg(target_os = "linux")]
            Kind::Vsock(descriptor) => SockRef::from(descriptor),
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
impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

#[cfg(unix)]
impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.kind {
            Kind::Unix(stream) => stream.as_fd(),
            Kind::Tcp(stream) => stream.as_fd(),
            #[cfg(target_os = "linux")]
            Kind::Vsock(descriptor) => descriptor.as_fd(),
        }
    }
}

impl From<Kind> for Socket {
    fn from(kind: Kind) -> Self {
        Self { kind, is_inherited: false }
    }
}

#[cfg(unix)]
impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Self {
        Kind::Unix(stream).into()
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Kind::Tcp(stream).into()
    }
}

#[cfg(unix)]
impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        match socket.kind {
            Kind::Unix(stream) => stream.into(),
            Kind::Tcp(stream) => stream.into(),
            #[cfg(target_os = "linux")]
            Kind::Vsock(descriptor) => descriptor,
        }
    }
}

/// All sockets are TCP connections on this platform.
#[cfg(not(unix))]
impl From<Socket> for TcpStream {
    fn from(socket: Socket) -> Self {
        let Kind::Tcp(stream) = socket.kind;
        stream
    }
}

/// All sockets are TCP connections on this platform.
#[cfg(not(unix))]
impl AsRef<TcpStream> for Socket {
    fn as_ref(&self) -> &TcpStream {
        let Kind::Tcp(stream) = &self.kind;
        stream
    }
}

/// Takes over a connected stream socket of any kind.
///
/// Returns an error if the file descriptor is not a socket, not a stream socket, or not connected,
/// such as a listening socket.
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
            Domain::UNIX => Ok(Kind::Unix(socket.into()).into()),
            Domain::IPV4 | Domain::IPV6 => Ok(Kind::Tcp(socket.into()).into()),
            #[cfg(target_os = "linux")]
            Domain::VSOCK => Ok(Kind::Vsock(socket.into()).into()),
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

    /// A clone of it is not shut down either.
    #[test]
    fn an_inherited_socket_is_not_shut_down() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let number = u32::try_from(ours.as_raw_fd()).unwrap();
        let socket = crate::connect(&qmp_proto::Address::Descriptor(number), None).unwrap();
        assert!(socket.is_inherited());
        let clone = socket.try_clone().unwrap();
        for socket in [socket, clone] {
            socket.shutdown(Shutdown::Both).unwrap();
        }
        (&ours).write_all(b"x").unwrap();
        (&theirs).read_exact(&mut [0]).unwrap();
        let owned = Socket::from(ours);
        assert!(!owned.is_inherited());
        owned.shutdown(Shutdown::Write).unwrap();
        assert_eq!((&theirs).read(&mut [0]).unwrap(), 0);
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
        assert!(matches!(unix.kind, Kind::Unix(_)) && unix.supports_descriptors());

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let tcp = Socket::try_from(OwnedFd::from(stream)).unwrap();
        assert!(matches!(tcp.kind, Kind::Tcp(_)) && !tcp.supports_descriptors());
        let again = Socket::try_from(OwnedFd::from(tcp)).unwrap();
        assert!(matches!(again.kind, Kind::Tcp(_)));
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
