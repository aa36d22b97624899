//! Streams that can be waited for.

use std::io::{self, Read, Write};
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::time::Duration;

use qmp_sockets::{Socket, describe_silence, describe_stop};

/// A stream that a [`Connection`](crate::Connection) runs over, or a
/// [server's](crate::server::Connection).
///
/// [`Socket`] is one; [`NoDeadline`] makes one of anything that reads and writes.
///
/// `read` is called when [`poll`](Self::poll) said that there is something to read, or when nothing
/// else is to be waited for, and waits then. `Interrupted` and `WouldBlock` are no failures: the
/// call is made again.
pub trait Stream: Read + Write {
    /// Waits until the stream can do something of `interest`, for at most `timeout`; for ever
    /// without one. Nothing is ready when the time is over.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn poll(&mut self, interest: Interest, timeout: Option<Duration>) -> io::Result<Readiness>;

    /// Writes what can be written without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if that is nothing.
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Reads, with the descriptor that came with the bytes, as
    /// [`receive_with_descriptor`](qmp_sockets::receive_with_descriptor) does. Servers read so;
    /// clients use `read`, and what comes is closed.
    ///
    /// # Errors
    ///
    /// As `read`.
    #[cfg(unix)]
    fn read_with_descriptor(&mut self, room: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
        Ok((self.read(room)?, None))
    }

    /// Writes with a descriptor that travels with the first byte.
    ///
    /// # Errors
    ///
    /// `Unsupported` where the stream is no unix socket.
    #[cfg(unix)]
    fn write_with_descriptor(&mut self, bytes: &[u8], descriptor: &OwnedFd) -> io::Result<usize> {
        let _ = (bytes, descriptor);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Says that nothing more will be written, where the stream can say so.
    fn end_writing(&mut self) {}

    /// Whether descriptors can be sent and received.
    fn carries_descriptors(&self) -> bool {
        false
    }

    /// Whether [`poll`](Self::poll) works.
    fn has_deadlines(&self) -> bool {
        true
    }

    /// What a person should try when the other end has said nothing at all.
    fn describe_silence(&self) -> String {
        "the server may be busy or stopped, or serve another client".to_owned()
    }

    /// Why the other end has fallen silent, if that is known.
    fn describe_stop(&self) -> Option<String> {
        None
    }
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interest {
    /// Bytes to read, or the end.
    Read,
    /// That, or room to write.
    ReadOrWrite,
    /// Room to write.
    Write,
}

/// What a stream can do without waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// There are bytes to read, or the end.
    pub read: bool,
    /// There is room to write.
    pub write: bool,
}

#[cfg(unix)]
impl Stream for Socket {
    fn poll(&mut self, interest: Interest, timeout: Option<Duration>) -> io::Result<Readiness> {
        use rustix::event::{PollFd, PollFlags, poll};

        let flags = match interest {
            Interest::Read => PollFlags::IN,
            Interest::ReadOrWrite => PollFlags::IN | PollFlags::OUT,
            Interest::Write => PollFlags::OUT,
        };
        let timeout = timeout.map(|timeout| {
            // poll(2) takes no more than about 68 years; that is for ever too.
            timeout.min(Duration::from_secs(i32::MAX as u64)).try_into().unwrap_or_default()
        });
        let mut descriptors = [PollFd::new(&*self, flags)];
        match poll(&mut descriptors, timeout.as_ref()) {
            Ok(_) => {}
            // A signal: whoever called looks at the clock and comes again.
            Err(rustix::io::Errno::INTR) => return Ok(Readiness::default()),
            Err(error) => return Err(error.into()),
        }
        let ready = descriptors[0].revents();
        // An error or a hang-up is told by reading.
        let read = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        Ok(Readiness { read: ready.intersects(read), write: ready.contains(PollFlags::OUT) })
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::try_write(self, bytes)
    }

    fn read_with_descriptor(&mut self, room: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
        match self {
            Self::Unix(stream) => qmp_sockets::receive_with_descriptor(stream, room),
            other => Ok((Read::read(other, room)?, None)),
        }
    }

    fn write_with_descriptor(&mut self, bytes: &[u8], descriptor: &OwnedFd) -> io::Result<usize> {
        use std::os::fd::AsFd;
        qmp_sockets::send_with_descriptor(&*self, bytes, descriptor.as_fd())
    }

    fn end_writing(&mut self) {
        // It fails where the other end has closed already: that is as good.
        let _ = self.shutdown(std::net::Shutdown::Write);
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

/// TCP, by the timeouts of the standard library: a write waits.
#[cfg(not(unix))]
impl Stream for Socket {
    fn poll(&mut self, interest: Interest, timeout: Option<Duration>) -> io::Result<Readiness> {
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
            // An error is told by reading.
            _ => Ok(Readiness { read: true, write: false }),
        }
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write(bytes)
    }

    fn describe_silence(&self) -> String {
        describe_silence(self)
    }

    fn describe_stop(&self) -> Option<String> {
        describe_stop(self)
    }
}

/// Any stream, without deadlines: a TLS session, a serial line, a pair of pipes.
///
/// Waiting means reading, so it ends when bytes come or the stream does, and not before; deadlines
/// are refused with an error, and [`EventWait::look`](crate::EventWait::look) only finds events
/// that were read already.
///
/// ```no_run
/// use qmp_blocking::{Connection, NoDeadline};
///
/// # fn example(tls: std::net::TcpStream) -> Result<(), qmp_blocking::Error> {
/// let mut qemu = Connection::builder().over(NoDeadline(tls), "host:4444 over TLS")?;
/// qemu.execute("query-status").run()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct NoDeadline<S>(pub S);

impl<S: Read> Read for NoDeadline<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<S: Write> Write for NoDeadline<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<S: Read + Write> Stream for NoDeadline<S> {
    fn poll(&mut self, _: Interest, _: Option<Duration>) -> io::Result<Readiness> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.0.write(bytes)?;
        self.0.flush()?;
        Ok(written)
    }

    fn has_deadlines(&self) -> bool {
        false
    }
}
