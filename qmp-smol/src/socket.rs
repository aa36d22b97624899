//! Sockets: unix, TCP, vsock.

use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use qmp_driver::{Borrowed, Descriptor, Socket, Transport, qmp_sockets};
use qmp_sockets::{describe_silence, describe_stop, receive_with_descriptor, send_with_descriptor};
use smol::Async;

use crate::clock::Clock;

/// A socket registered with async-io, unix, TCP or vsock. Unix sockets carry descriptors.
#[derive(Debug)]
pub struct SocketTransport {
    socket: Async<Socket>,
    /// One of the stages between a read and the next; only the driver reads.
    stage: AtomicU8,
    clock: Clock,
}

/// Something was read. Those whom it is for have their turn first: they may send, and the answer may
/// be there before anybody has waited for it.
const READ: u8 = 0;
/// They had it, and it is tried whether there is something to read.
const TRY: u8 = 1;
/// There was nothing. To be told takes half a dozen system calls.
const WAIT: u8 = 2;

impl SocketTransport {
    /// Registers a connected socket: a `UnixStream` (one end of a socket pair, say) or `TcpStream`
    /// of the standard library, a [`Socket`]. Smol's own come back from [`Async::into_inner`], and
    /// an `OwnedFd` goes through `TryFrom`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn new(socket: impl Into<Socket>) -> io::Result<Self> {
        let socket = Async::new(socket.into())?;
        Ok(Self { socket, stage: AtomicU8::new(WAIT), clock: Clock::default() })
    }
}

impl SocketTransport {
    /// `receive` says how many bytes it has read, too.
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
        self.poll_receive(cx, room.len(), |mut socket| {
            let count = socket.read(room)?;
            Ok((count, count))
        })
    }

    fn poll_read_with_descriptor(
        &self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<(usize, Option<Descriptor>)>> {
        if !self.carries_descriptors() {
            return self.poll_read(cx, room).map_ok(|count| (count, None));
        }
        self.poll_receive(cx, room.len(), |socket| {
            let (count, descriptor) = receive_with_descriptor(socket, room)?;
            Ok((count, (count, descriptor)))
        })
    }

    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        descriptor: Option<Borrowed<'_>>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let written = self.try_write(bytes, descriptor);
            if !would_block(&written) {
                return Poll::Ready(written);
            }
            ready!(self.socket.poll_writable(cx))?;
        }
    }

    fn try_write(&self, bytes: &[u8], descriptor: Option<Borrowed<'_>>) -> io::Result<usize> {
        let socket = self.socket.get_ref();
        match descriptor {
            Some(descriptor) => send_with_descriptor(socket, bytes, descriptor),
            None => socket.try_write(bytes),
        }
    }

    fn poll_until(&self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.clock.poll_until(cx, deadline)
    }

    fn forget_deadline(&self) {
        self.clock.forget();
    }

    fn shutdown(&self, how: Shutdown) {
        // It fails where the peer has closed already, which is as good.
        let _ = self.socket.get_ref().shutdown(how);
    }

    fn carries_descriptors(&self) -> bool {
        self.socket.get_ref().carries_descriptors()
    }

    fn describe_silence(&self) -> String {
        describe_silence(&self.socket)
    }

    fn describe_stop(&self) -> Option<String> {
        describe_stop(&self.socket)
    }
}

impl TryFrom<OwnedFd> for SocketTransport {
    type Error = io::Error;

    fn try_from(descriptor: OwnedFd) -> io::Result<Self> {
        Self::new(Socket::try_from(descriptor)?)
    }
}
