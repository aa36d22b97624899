//! The interface to a stream of a runtime.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::task::{Context, Poll};
use std::time::Instant;

/// A connected stream of a runtime, and its clock.
///
/// All methods take `&self`, because one task reads while others write. Only the driver calls the
/// `poll_` methods, so an implementation needs to store only the latest waker for reading, for
/// writing and for the timer.
///
/// Methods must not call back into the connection.
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Waits until the stream is readable, so that no buffer is held while waiting. Spurious
    /// readiness is allowed.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Reads at least one byte. Returns 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error.
    fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Reads at least one byte, and the file descriptor that was received with it, as
    /// [`receive_with_descriptor`](qmp_sockets::receive_with_descriptor) does. Used by servers.
    /// Clients use [`poll_read`](Self::poll_read), and file descriptors sent to them are closed.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error.
    fn poll_read_with_descriptor(
        &self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<(usize, Option<Descriptor>)>> {
        self.poll_read(cx, room).map_ok(|count| (count, None))
    }

    /// Writes at least one byte, and sends the file descriptor with the first one.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error.
    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        descriptor: Option<BorrowedDescriptor<'_>>,
    ) -> Poll<io::Result<usize>>;

    /// Flushes buffered bytes, on streams that have a buffer.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error.
    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Sends the closing message, on streams that have one, such as TLS.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error.
    fn poll_close(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Writes as many bytes as possible without blocking, and registers no waker. It is called by
    /// the task that sends a command, while it holds a lock. Streams that do not support it return
    /// `WouldBlock`, and the driver writes.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` if nothing can be written immediately.
    fn try_write(
        &self,
        bytes: &[u8],
        descriptor: Option<BorrowedDescriptor<'_>>,
    ) -> io::Result<usize> {
        let _ = (bytes, descriptor);
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Waits until `deadline`, by the clock of [`now`](Self::now). A call with another deadline
    /// replaces the previous one.
    fn poll_until(&self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()>;

    /// Cancels the deadline of the last [`poll_until`](Self::poll_until). The timer may be
    /// released.
    fn forget_deadline(&self) {}

    /// Returns the current time, by the runtime's clock if it has one that tests can pause.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// Shuts down the write half or both halves, on streams that support it. The driver calls it
    /// with `Both` when the connection is aborted, so that a blocking read ends.
    fn shutdown(&self, how: Shutdown) {
        let _ = how;
    }

    /// Returns whether the thread that polls the driver also reads the events. If so, the driver
    /// never waits for a subscriber.
    fn readers_share_the_thread(&self) -> bool {
        false
    }

    /// Returns whether [`poll_until`](Self::poll_until) works. If not, setting a deadline is an
    /// error, and [`now`](Self::now) should return a constant.
    fn has_deadlines(&self) -> bool {
        true
    }

    /// Returns whether the timer of [`poll_until`](Self::poll_until) is known to fire while the calling
    /// task waits, because one runtime runs both. If not, a background thread enforces the deadlines
    /// of that task.
    fn clock_runs_here(&self) -> bool {
        true
    }

    /// Returns whether file descriptors can be sent and received.
    fn supports_descriptors(&self) -> bool {
        false
    }

    /// Returns advice for the user if the peer has sent nothing at all.
    fn describe_silence(&self) -> String {
        qmp_sockets::SILENT.to_owned()
    }

    /// Returns why the peer does not answer, if that is known.
    fn describe_stop(&self) -> Option<String> {
        None
    }
}

/// A file descriptor that is sent or received with a command.
#[cfg(unix)]
pub type Descriptor = std::os::fd::OwnedFd;
/// A file descriptor that is sent or received with a command. This platform has none.
#[cfg(not(unix))]
pub type Descriptor = std::convert::Infallible;

/// A file descriptor borrowed for one write.
#[cfg(unix)]
pub type BorrowedDescriptor<'a> = std::os::fd::BorrowedFd<'a>;
/// A file descriptor borrowed for one write. This platform has none.
#[cfg(not(unix))]
pub type BorrowedDescriptor<'a> = &'a std::convert::Infallible;

#[cfg(unix)]
pub(crate) fn lend(descriptor: Option<&Descriptor>) -> Option<BorrowedDescriptor<'_>> {
    descriptor.map(std::os::fd::AsFd::as_fd)
}

#[cfg(not(unix))]
pub(crate) fn lend(descriptor: Option<&Descriptor>) -> Option<BorrowedDescriptor<'_>> {
    descriptor
}

/// Returns whether an error of a stream means that the peer has closed the connection. Operating
/// systems report this in different ways.
pub(crate) fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof,
    };
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof
    )
}
