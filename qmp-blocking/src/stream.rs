//! Streams that can be polled.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use qmp_driver::Socket;
use qmp_sockets::Interest;

/// A stream that a [`Client`](crate::Client) or a [server](mod@crate::server) runs over.
///
/// Implemented by [`Socket`]. [`BlockingStream`] implements it for anything that reads and writes.
///
/// If a method returns `Interrupted` or `WouldBlock`, it is called again.
pub trait Stream: fmt::Debug + Send + Sync + 'static {
    /// Reads at least one byte, blocking until there are any. Returns 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error.
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes as many bytes as possible without blocking.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` if nothing can be written.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits until the stream is ready for `interest`, for at most `timeout`, or without a limit if
    /// it is `None`. Returns whether the stream is readable or at its end.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error.
    fn poll(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<bool>;

    /// Returns the underlying socket, if there is one. It is used to pass file descriptors, to shut
    /// the connection down, and to explain why the peer does not answer.
    fn socket(&self) -> Option<&Socket> {
        None
    }

    /// Returns whether [`poll`](Self::poll) works.
    fn has_deadlines(&self) -> bool {
        true
    }
}

impl Stream for Socket {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut &*self, buffer)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write(bytes)
    }

    fn poll(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<bool> {
        self.poll(interest, timeout)
    }

    fn socket(&self) -> Option<&Socket> {
        Some(self)
    }
}

/// A stream without deadlines over anything that reads and writes, such as a TLS session or a
/// serial line.
///
/// Waiting is a blocking read, so it ends only when bytes arrive or the stream ends. Setting a
/// deadline is an error, and `try_recv` only returns what was read already.
///
/// ```no_run
/// use qmp_blocking::BlockingStream;
///
/// # fn example(tls: std::net::TcpStream) -> Result<(), qmp_blocking::Error> {
/// let stream = BlockingStream::new(tls);
/// let qemu = qmp_blocking::builder().connect_over(stream, "host:4444 over TLS")?;
/// qemu.execute("query-status").run()?;
/// # Ok(())
/// # }
/// ```
pub struct BlockingStream<S>(Mutex<S>);

impl<S> BlockingStream<S> {
    /// Wraps a stream.
    pub const fn new(stream: S) -> Self {
        Self(Mutex::new(stream))
    }

    fn lock(&self) -> MutexGuard<'_, S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Read + Write + Send + 'static> Stream for BlockingStream<S> {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buffer)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut stream = self.lock();
        let written = stream.write(bytes)?;
        stream.flush()?;
        Ok(written)
    }

    fn poll(&self, _: Interest, _: Option<Duration>) -> io::Result<bool> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn has_deadlines(&self) -> bool {
        false
    }
}

impl<S> fmt::Debug for BlockingStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockingStream")
    }
}
