//! What a runtime has to provide.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::task::{Context, Poll};
use std::time::Instant;

/// A connected stream of some runtime, and its clock: all that a connection needs of one.
///
/// All methods take `&self`, for one task reads while others write. Only the driver calls the
/// `poll_` methods, so one waker for reading, one for writing and one for the clock are enough, the
/// latest given.
///
/// No method may call back into the connection.
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Waits until there is something to read, so that no buffer is held while there is not. It may
    /// err towards yes.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Reads some bytes; 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Reads some bytes, and the descriptor that came with them, as
    /// [`receive_with_descriptor`](qmp_sockets::receive_with_descriptor) does. Servers read so;
    /// clients use [`poll_read`](Self::poll_read), and what comes is closed.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn poll_read_with_descriptor(
        &self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<(usize, Option<Descriptor>)>> {
        self.poll_read(cx, room).map_ok(|count| (count, None))
    }

    /// Writes some bytes, with a descriptor that travels with the first of them.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        descriptor: Option<Borrowed<'_>>,
    ) -> Poll<io::Result<usize>>;

    /// Brings on their way the bytes written so far, on streams that keep some back.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Says goodbye, on streams where that is a message of its own: TLS, say.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn poll_close(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Writes what can be written at once, and registers no waker: called by whoever sends a
    /// command, under a lock. Streams that cannot try say `WouldBlock`, and the driver writes.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing can be written at once.
    fn try_write(&self, bytes: &[u8], descriptor: Option<Borrowed<'_>>) -> io::Result<usize> {
        let _ = (bytes, descriptor);
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Waits until `deadline`, by the clock of [`now`](Self::now). A call with another deadline
    /// replaces the one before.
    fn poll_until(&self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()>;

    /// The deadline of the last [`poll_until`](Self::poll_until) does not matter any more: what it
    /// takes to wait for it can be given up.
    fn forget_deadline(&self) {}

    /// The time: of a clock that a test can stop, where the runtime has one.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// Shuts down the write half or both halves, on streams that have them. The driver calls it with
    /// `Both` when the connection is aborted, so that a read which blocks ends.
    fn shutdown(&self, how: Shutdown) {
        let _ = how;
    }

    /// Whether the thread that polls the driver is the one that reads the events, so that it is no
    /// use to wait for a reader.
    fn readers_share_the_thread(&self) -> bool {
        false
    }

    /// Whether [`poll_until`](Self::poll_until) works. Where it does not, deadlines of the caller's are
    /// refused, and the clock should stand still.
    fn has_deadlines(&self) -> bool {
        true
    }

    /// Whether descriptors can be sent and received.
    fn carries_descriptors(&self) -> bool {
        false
    }

    /// What a person should try when the other end has said nothing at all.
    fn describe_silence(&self) -> String {
        qmp_sockets::SILENT.to_owned()
    }

    /// Why the other end has fallen silent, if that is known.
    fn describe_stop(&self) -> Option<String> {
        None
    }
}

/// What travels along with a command.
#[cfg(unix)]
pub type Descriptor = std::os::fd::OwnedFd;
/// What travels along with a command; there are none on this system.
#[cfg(not(unix))]
pub type Descriptor = std::convert::Infallible;

/// A descriptor that is lent for one write.
#[cfg(unix)]
pub type Borrowed<'a> = std::os::fd::BorrowedFd<'a>;
/// A descriptor that is lent for one write; there are none on this system.
#[cfg(not(unix))]
pub type Borrowed<'a> = &'a std::convert::Infallible;

#[cfg(unix)]
pub(crate) fn lend(descriptor: Option<&Descriptor>) -> Option<Borrowed<'_>> {
    descriptor.map(std::os::fd::AsFd::as_fd)
}

#[cfg(not(unix))]
pub(crate) fn lend(descriptor: Option<&Descriptor>) -> Option<Borrowed<'_>> {
    descriptor
}

/// Whether an error of a stream says that the server has closed, however the system puts it.
pub(crate) fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof,
    };
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof
    )
}
