//! Unix, TCP and vsock sockets.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use async_io::Async;
use qmp_driver::{BorrowedDescriptor, Descriptor, Socket, Transport, qmp_sockets};
use qmp_sockets::{
    describe_silence, describe_stop, try_receive_with_descriptor, try_send_with_descriptor,
};

use crate::clock::DriverTimer;

/// A unix, TCP or vsock socket registered with async-io. Unix sockets can pass file descriptors.
///
/// Its blocking mode is not changed: an inherited socket may have another user.
#[derive(Debug)]
pub struct SocketTransport {
    socket: Async<Socket>,
    /// One of `READ`, `TRY` and `WAIT`. Only the driver reads, so relaxed ordering is enough.
    stage: AtomicU8,
    clock: DriverTimer,
}

/// Data was read. The driver yields once so that the tasks that wait for it run first: they may
/// send a command whose reply arrives before the driver reads again.
const READ: u8 = 0;
/// The other tasks have run. The next read is tried without waiting for readiness.
const TRY: u8 = 1;
/// There was nothing to read. Waiting for readiness takes about six system calls.
const WAIT: u8 = 2;

impl SocketTransport {
    /// Registers a connected socket: a `UnixStream` or `TcpStream` of the standard library (such as
    /// one end of a socket pair), or a [`Socket`]. For the streams of async-io and for an `OwnedFd`,
    /// use `TryFrom`.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error if the socket cannot be registered.
    pub fn new(socket: impl Into<Socket>) -> io::Result<Self> {
        let socket = Async::new_nonblocking(socket.into())?;
        Ok(Self { socket, stage: AtomicU8::new(WAIT), clock: DriverTimer::default() })
    }
}

impl SocketTransport {
    /// Calls `receive`, which also returns how many bytes it has read, until it does not block.
    fn poll_receive<R>(
        &self,
        cx: &mut Context<'_>,
        room: usize,
        mut receive: impl FnMut(&Socket) -> io::Result<(usize, R)>,
    ) -> Poll<io::Result<R>> {
        loop {
            let received = receive(self.socket.get_ref());
            if !would_block(&received) {
                let (count, received) = received?;
                let stage = if count < room { READ } else { TRY };
                self.stage.store(stage, Ordering::Relaxed);
                return Poll::Ready(Ok(received));
            }
            self.stage.store(WAIT, Ordering::Relaxed);
            ready!(self.socket.poll_readable(cx))?;
        }
    }
}

fn would_block<T>(result: &io::Result<T>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

impl Transport for SocketTransport {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.stage.load(Ordering::Relaxed) {
            READ => {
                self.stage.store(TRY, Ordering::Relaxed);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            TRY => Poll::Ready(Ok(())),
            _ => self.socket.poll_readable(cx),
        }
    }

    fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_receive(cx, room.len(), |socket| {
            let count = socket.try_read(room)?;
            Ok((count, count))
        })
    }

    fn poll_read_with_descriptor(
        &self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<(usize, Option<Descriptor>)>> {
        if !self.supports_descriptors() {
            return self.poll_read(cx, room).map_ok(|count| (count, None));
        }
        self.poll_receive(cx, room.len(), |socket| {
            let (count, descriptor) = try_receive_with_descriptor(socket, room)?;
            Ok((count, (count, descriptor)))
        })
    }

    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        descriptor: Option<BorrowedDescriptor<'_>>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let written = self.try_write(bytes, descriptor);
            if !would_block(&written) {
                return Poll::Ready(written);
            }
            ready!(self.socket.poll_writable(cx))?;
        }
    }

    fn try_write(
        &self,
        bytes: &[u8],
        descriptor: Option<BorrowedDescriptor<'_>>,
    ) -> io::Result<usize> {
        let socket = self.socket.get_ref();
        match descriptor {
            Some(descriptor) => try_send_with_descriptor(socket, bytes, descriptor),
            None => socket.try_write(bytes),
        }
    }

    fn poll_until(&self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.clock.poll_until(cx, deadline)
    }

    fn forget_deadline(&self) {
        self.clock.forget();
    }

    /// It is not known whether an executor runs.
    fn clock_runs_here(&self) -> bool {
        false
    }

    fn shutdown(&self, how: Shutdown) {
        // This fails if the peer has already closed the connection, which is fine.
        let _ = self.socket.get_ref().shutdown(how);
    }

    fn supports_descriptors(&self) -> bool {
        self.socket.get_ref().supports_descriptors()
    }

    fn describe_silence(&self) -> String {
        describe_silence(&self.socket)
    }

    fn describe_stop(&self) -> Option<String> {
        describe_stop(&self.socket)
    }
}

impl TryFrom<Async<UnixStream>> for SocketTransport {
    type Error = io::Error;

    fn try_from(stream: Async<UnixStream>) -> io::Result<Self> {
        Self::new(stream.into_inner()?)
    }
}

impl TryFrom<Async<TcpStream>> for SocketTransport {
    type Error = io::Error;

    fn try_from(stream: Async<TcpStream>) -> io::Result<Self> {
        Self::new(stream.into_inner()?)
    }
}

impl TryFrom<OwnedFd> for SocketTransport {
    type Error = io::Error;

    fn try_from(descriptor: OwnedFd) -> io::Result<Self> {
        Self::new(Socket::try_from(descriptor)?)
    }
}
