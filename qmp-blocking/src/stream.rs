//! Streams that can be waited for.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
#[cfg(unix)]
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use qmp_sockets::{Socket, describe_silence, describe_stop};

/// A stream that a [`Client`](crate::Client) or a [server](crate::server) runs over.
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

    /// Reads some bytes without blocking.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there are none.
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.has_deadlines() && self.poll(Interest::Read, Some(Duration::ZERO))?.read {
            true => self.read(buffer),
            false => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Writes some bytes without blocking.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing can be written.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits until the stream can do something of `interest`, for at most `timeout`; forever without
    /// one. Nothing is ready when the time is over.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn poll(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<Readiness>;

    /// Reads some bytes with the file descriptor that came with them, as
    /// [`receive_with_descriptor`](qmp_sockets::receive_with_descriptor) does. Servers use it;
    /// clients use [`read`](Self::read), and descriptors that come are closed.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    #[cfg(unix)]
    fn read_with_descriptor(&self, buffer: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
        Ok((self.read(buffer)?, None))
    }

    /// As [`try_write`](Self::try_write), with a file descriptor that is sent with the first byte.
    ///
    /// # Errors
    ///
    /// `Unsupported` unless the stream is a unix socket.
    #[cfg(unix)]
    fn try_write_with_descriptor(
        &self,
        bytes: &[u8],
        descriptor: BorrowedFd<'_>,
    ) -> io::Result<usize> {
        let _ = (bytes, descriptor);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Shuts down the write half or both, where the stream has such a thing.
    fn shutdown(&self, how: Shutdown) {
        let _ = how;
    }

    /// Whether file descriptors can be sent and received.
    fn carries_descriptors(&self) -> bool {
        false
    }

    /// Whether [`poll`](Self::poll) works.
    fn has_deadlines(&self) -> bool {
        true
    }

    /// What a person should try when the peer has sent nothing at all.
    fn describe_silence(&self) -> String {
        "the server may be busy or stopped, or serve another client".to_owned()
    }

    /// Why the peer has stopped answering, if that is known.
    fn describe_stop(&self) -> Option<String> {
        None
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

/// What a stream can do without blocking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// There are bytes to read, or the end of the stream.
    pub read: bool,
    /// There is room to write.
    pub write: bool,
}

#[cfg(unix)]
impl Stream for Socket {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut &*self, buffer)
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let (count, _) = rustix::net::recv(self, buffer, rustix::net::RecvFlags::DONTWAIT)?;
        Ok(count)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write(bytes)
    }

    fn poll(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<Readiness> {
        use rustix::event::{PollFd, PollFlags, poll};

        let flags = match interest {
            Interest::Read => PollFlags::IN,
            Interest::ReadOrWrite => PollFlags::IN | PollFlags::OUT,
            Interest::Write => PollFlags::OUT,
        };
        let timeout = timeout.map(|timeout| {
            // poll(2) takes no more than about 68 years; that is forever, too.
            timeout.min(Duration::from_secs(i32::MAX as u64)).try_into().unwrap_or_default()
        });
        let mut descriptors = [PollFd::new(self, flags)];
        match poll(&mut descriptors, timeout.as_ref()) {
            Ok(_) => {}
            // A signal: the caller checks the clock and calls again.
            Err(rustix::io::Errno::INTR) => return Ok(Readiness::default()),
            Err(error) => return Err(error.into()),
        }
        let ready = descriptors[0].revents();
        // An error or a hang-up is reported by reading.
        let read = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        Ok(Readiness { read: ready.intersects(read), write: ready.contains(PollFlags::OUT) })
    }

    fn read_with_descriptor(&self, buffer: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
        match self {
            Self::Unix(stream) => qmp_sockets::receive_with_descriptor(stream, buffer),
            other => Ok((Stream::read(other, buffer)?, None)),
        }
    }

    fn try_write_with_descriptor(
        &self,
        bytes: &[u8],
        descriptor: BorrowedFd<'_>,
    ) -> io::Result<usize> {
        qmp_sockets::send_with_descriptor(self, bytes, descriptor)
    }

    fn shutdown(&self, how: Shutdown) {
        // It fails where the peer has closed already, which is as good.
        let _ = self.shutdown(how);
    }

    fn carries_descriptors(&self) -> bool {
        matches!(self, Self::Unix(_))
    }

    fn describe_silence(&self) -> String {
        describe_silence(self)
    }

    fn describe_stop(&self) -> Option<String> {
        describe_stop(self)
    }
}

/// TCP, by the timeouts of the standard library: a write blocks.
#[cfg(not(unix))]
impl Stream for Socket {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut &*self, buffer)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut &*self, bytes)
    }

    fn poll(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<Readiness> {
        if interest != Interest::Read {
            return Ok(Readiness { read: false, write: true });
        }
        let Self::Tcp(stream) = self else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        // A timeout of zero would mean none.
        stream.set_read_timeout(timeout.map(|timeout| timeout.max(Duration::from_millis(1))))?;
        let peeked = stream.peek(&mut [0]);
        stream.set_read_timeout(None)?;
        match peeked {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
            {
                Ok(Readiness::default())
            }
            // An error is reported by reading.
            _ => Ok(Readiness { read: true, write: false }),
        }
    }

    fn shutdown(&self, how: Shutdown) {
        let _ = self.shutdown(how);
    }

    fn describe_silence(&self) -> String {
        describe_silence(self)
    }

    fn describe_stop(&self) -> Option<String> {
        describe_stop(self)
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

    fn poll(&self, _: Interest, _: Option<Duration>) -> io::Result<Readiness> {
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
