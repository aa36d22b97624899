//! Unix, TCP and vsock sockets.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use qmp_driver::{Borrowed, Descriptor, Socket, Transport, qmp_sockets};
use qmp_sockets::{describe_silence, describe_stop, receive_with_descriptor, send_with_descriptor};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

use crate::clock::{self, Clock};

/// Whether the operating system reports every arrival of data. If so, a read that did not fill the
/// buffer has emptied the socket, and trying again before the next report would be a wasted system
/// call.
const TELLS_OF_ARRIVALS: bool = cfg!(any(
    target_os = "android",
    target_os = "freebsd",
    target_os = "linux",
    target_os = "macos",
    target_os = "netbsd",
    target_os = "openbsd",
));

/// A unix, TCP or vsock socket registered with tokio. Unix sockets can pass file descriptors.
pub struct SocketTransport {
    stream: UnixStream,
    carries_descriptors: bool,
    is_inherited: bool,
    clock: Clock,
}

impl SocketTransport {
    /// Registers a connected socket: a `UnixStream` or `TcpStream` of the standard library (such as
    /// one end of a socket pair), or a [`Socket`]. For tokio's own streams and for an `OwnedFd`,
    /// use `TryFrom`.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error if the socket cannot be registered.
    ///
    /// # Panics
    ///
    /// Panics if called outside a tokio runtime, or in one without I/O enabled.
    pub fn new(socket: impl Into<Socket>) -> io::Result<Self> {
        let socket = socket.into();
        socket.set_nonblocking(true)?;
        let carries_descriptors = socket.carries_descriptors();
        let is_inherited = socket.is_inherited();
        let stream = registered(socket.into())?;
        Ok(Self { stream, carries_descriptors, is_inherited, clock: Clock::default() })
    }
}

/// Registers a socket of any family as a `UnixStream`: reading, writing and polling are the same
/// for all families, and addresses are not used.
pub(crate) fn registered(descriptor: OwnedFd) -> io::Result<UnixStream> {
    UnixStream::from_std(descriptor.into())
}

impl Transport for SocketTransport {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_read_ready(cx)
    }

    fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            let mut last = None;
            // Unlike `try_read`, `try_io` marks the socket as not readable after a short read.
            let read = self.stream.try_io(Interest::READABLE, || {
                let count = rustix::io::read(&self.stream, &mut *room)?;
                if TELLS_OF_ARRIVALS && (1..room.len()).contains(&count) {
                    last = Some(count);
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(count)
            });
            match (read, last) {
                (_, Some(count)) => return Poll::Ready(Ok(count)),
                (Err(error), None) if error.kind() == io::ErrorKind::WouldBlock => {}
                (read, None) => return Poll::Ready(read),
            }
        }
    }

    fn poll_read_with_descriptor(
        &self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<(usize, Option<Descriptor>)>> {
        if !self.carries_descriptors {
            return self.poll_read(cx, room).map_ok(|count| (count, None));
        }
        let stream = &self.stream;
        loop {
            ready!(stream.poll_read_ready(cx))?;
            // A read ends after the message that carries a descriptor, even if more data follows.
            let receive = || receive_with_descriptor(stream, room);
            match stream.try_io(Interest::READABLE, receive) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read),
            }
        }
    }

    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        descriptor: Option<Borrowed<'_>>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match self.try_write(bytes, descriptor) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn try_write(&self, bytes: &[u8], descriptor: Option<Borrowed<'_>>) -> io::Result<usize> {
        let stream = &self.stream;
        match descriptor {
            Some(descriptor) => stream
                .try_io(Interest::WRITABLE, || send_with_descriptor(stream, bytes, descriptor)),
            None => stream.try_write(bytes),
        }
    }

    fn poll_until(&self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.clock.poll_until(cx, deadline)
    }

    fn forget_deadline(&self) {
        self.clock.forget();
    }

    fn now(&self) -> Instant {
        clock::now()
    }

    fn clock_runs_here(&self) -> bool {
        self.clock.runs_here()
    }

    fn shutdown(&self, how: Shutdown) {
        if self.is_inherited {
            return;
        }
        let how = match how {
            Shutdown::Read => rustix::net::Shutdown::Read,
            Shutdown::Write => rustix::net::Shutdown::Write,
            Shutdown::Both => rustix::net::Shutdown::Both,
        };
        // This fails if the peer has already closed the connection, which is fine.
        let _ = rustix::net::shutdown(&self.stream, how);
    }

    fn carries_descriptors(&self) -> bool {
        self.carries_descriptors
    }

    fn describe_silence(&self) -> String {
        describe_silence(&self.stream)
    }

    fn describe_stop(&self) -> Option<String> {
        describe_stop(&self.stream)
    }
}

impl TryFrom<UnixStream> for SocketTransport {
    type Error = io::Error;

    fn try_from(stream: UnixStream) -> io::Result<Self> {
        Self::new(stream.into_std()?)
    }
}

impl TryFrom<TcpStream> for SocketTransport {
    type Error = io::Error;

    fn try_from(stream: TcpStream) -> io::Result<Self> {
        Self::new(stream.into_std()?)
    }
}

impl TryFrom<OwnedFd> for SocketTransport {
    type Error = io::Error;

    fn try_from(descriptor: OwnedFd) -> io::Result<Self> {
        Self::new(Socket::try_from(descriptor)?)
    }
}

impl fmt::Debug for SocketTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let descriptor = self.stream.as_fd();
        f.debug_tuple("SocketTransport").field(&descriptor).finish()
    }
}
