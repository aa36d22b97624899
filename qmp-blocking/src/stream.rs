//! Streams that can be polled.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use qmp_driver::Socket;

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

/// What [`Stream::poll`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interest {
    /// Bytes to read, or the end of the stream.
    Read,
    /// Either of the other two.
    ReadOrWrite,
    /// Space to write.
    Write,
}

impl Stream for Socket {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut &*self, buffer)
    }

    #[cfg(unix)]
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write(bytes)
    }

    /// A `BlockingStream` cannot detect whether a write would block, so it blocks.
    #[cfg(not(unix))]
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut &*self, bytes)
    }

    #[cfg(unix)]
    fn poll(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<bool> {
        use rustix::event::{PollFd, PollFlags, poll};

        let flags = match interest {
            Interest::Read => PollFlags::IN,
            Interest::ReadOrWrite => PollFlags::IN | PollFlags::OUT,
            Interest::Write => PollFlags::OUT,
        };
        // poll(2) accepts at most about 68 years, which is long enough.
        let timeout = timeout.map(|it| it.min(Duration::from_secs(i32::MAX as u64)));
        let timeout = timeout.map(|it| it.try_into().unwrap_or_default());
        let mut descriptors = [PollFd::new(self, flags)];
        match poll(&mut descriptors, timeout.as_ref()) {
            // Errors and hang-ups are reported by the next read.
            Ok(_) => Ok(descriptors[0]
                .revents()
                .intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR)),
            // Interrupted by a signal: the caller checks the time and calls again.
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(unix))]
    fn poll(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<bool> {
        let stream: &std::net::TcpStream = self.as_ref();
        if interest != Interest::Read {
            return Ok(false);
        }
        // Zero would mean no timeout.
        stream.set_read_timeout(timeout.map(|timeout| timeout.max(Duration::from_millis(1))))?;
        let peeked = stream.peek(&mut [0]);
        stream.set_read_timeout(None)?;
        let over = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];
        // Other errors are reported by the next read.
        Ok(!matches!(peeked, Err(error) if over.contains(&error.kind())))
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
/// let qemu = qmp_blocking::builder().over(stream, "host:4444 over TLS")?;
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
