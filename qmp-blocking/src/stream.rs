//! Streams that can be waited for.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use qmp_driver::Socket;

/// A stream that a [`Client`](crate::Client) or a [server](mod@crate::server) runs over.
///
/// [`Socket`] is one; [`BlockingStream`] makes one of anything that reads and writes.
///
/// `Interrupted` and `WouldBlock` are not failures: the call is made again.
pub trait Stream: fmt::Debug + Send + Sync + 'static {
    /// Reads some bytes, and blocks until there are any; 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes some bytes without blocking.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing can be written.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits for what `interest` says, for at most `timeout`; forever without one. Returns whether
    /// there are bytes to read, or the end of the stream.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn poll(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<bool>;

    /// The socket underneath, which carries file descriptors, can be shut down, and tells why its
    /// peer is silent.
    fn socket(&self) -> Option<&Socket> {
        None
    }

    /// Whether [`poll`](Self::poll) works.
    fn has_deadlines(&self) -> bool {
        true
    }
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interest {
    /// Bytes to read, or the end of the stream.
    Read,
    /// That, or room to write.
    ReadOrWrite,
    /// Room to write.
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

    /// It blocks here, where nothing tells whether it would.
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
        // poll(2) takes no more than about 68 years; that is forever, too.
        let timeout = timeout.map(|it| it.min(Duration::from_secs(i32::MAX as u64)));
        let timeout = timeout.map(|it| it.try_into().unwrap_or_default());
        let mut descriptors = [PollFd::new(self, flags)];
        match poll(&mut descriptors, timeout.as_ref()) {
            // An error or a hang-up is reported by reading.
            Ok(_) => Ok(descriptors[0]
                .revents()
                .intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR)),
            // A signal: the caller checks the clock and calls again.
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
        // A timeout of zero would mean none.
        stream.set_read_timeout(timeout.map(|timeout| timeout.max(Duration::from_millis(1))))?;
        let peeked = stream.peek(&mut [0]);
        stream.set_read_timeout(None)?;
        let over = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];
        // Another error is reported by reading.
        Ok(!matches!(peeked, Err(error) if over.contains(&error.kind())))
    }

    fn socket(&self) -> Option<&Socket> {
        Some(self)
    }
}

/// Any stream that reads and writes, without deadlines: a TLS session, a serial line.
///
/// Waiting means reading, so it ends when bytes come or the stream ends, and not before. Deadlines
/// are refused with an error, and `try_recv` only finds what was read already.
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
