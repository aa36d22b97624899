//! Unix, TCP and vsock sockets.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use qmp_driver::{BorrowedDescriptor, Descriptor, Socket, Transport, qmp_sockets};
use qmp_sockets::{
    describe_silence, describe_stop, try_receive_with_descriptor, try_send_with_descriptor,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::{TcpStream, UnixStream};

use crate::clock::{self, DriverTimer};

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
///
/// Its blocking mode is not changed: an inherited socket may have another user.
pub struct SocketTransport {
    socket: AsyncFd<Socket>,
    clock: DriverTimer,
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
        Ok(Self { socket: registered(socket.into())?, clock: DriverTimer::default() })
    }
}

/// Registers a socket, which owns its file descriptor as long as it is registered.
#[allow(deprecated, reason = "older versions of tokio do not have its replacement, `register`")]
pub(crate) fn registered<S: AsRawFd>(socket: S) -> io::Result<AsyncFd<S>> {
    AsyncFd::new(socket)
}

impl Transport for SocketTransport {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_read_ready(cx).map_ok(drop)
    }

    fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let _ = ready!(self.socket.poll_read_ready(cx))?;
            let mut last = None;
            // Unlike `try_read`, `try_io` marks the socket as not readable after a short read.
            let read = self.socket.try_io(Interest::READABLE, |socket| {
                let count = socket.try_read(room)?;
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
        if !self.supports_descriptors() {
            return self.poll_read(cx, room).map_ok(|count| (count, None));
        }
        loop {
            let _ = ready!(self.socket.poll_read_ready(cx))?;
            // A read ends after the message that carries a descriptor, even if more data follows.
            let receive = |socket: &Socket| try_receive_with_descriptor(socket, room);
            match self.socket.try_io(Interest::READABLE, receive) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read),
            }
        }
    }

    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        descriptor: Option<BorrowedDescriptor<'_>>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let _ = ready!(self.socket.poll_write_ready(cx))?;
            match self.try_write(bytes, descriptor) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn try_write(
        &self,
        bytes: &[u8],
        descriptor: Option<BorrowedDescriptor<'_>>,
    ) -> io::Result<usize> {
        self.socket.try_io(Interest::WRITABLE, |socket| match descriptor {
            Some(descriptor) => try_send_with_descriptor(socket, bytes, descriptor),
            None => socket.try_write(bytes),
        })
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
        // It fails where the peer has closed already, which is as good.
        let _ = self.socket.get_ref().shutdown(how);
    }

    fn supports_descriptors(&self) -> bool {
        self.socket.get_ref().supports_descriptors()
    }

    fn describe_silence(&self) -> String {
        describe_silence(self.socket.get_ref())
    }

    fn describe_stop(&self) -> Option<String> {
        describe_stop(self.socket.get_ref())
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
        f.debug_tuple("SocketTransport").field(self.socket.get_ref()).finish()
    }
}
