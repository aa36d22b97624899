//! Waiting for a socket to become readable or writable.

use std::io;
use std::time::Duration;

use crate::Socket;

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interest {
    /// Bytes to read, or the end of the stream.
    Read,
    /// Bytes to read, the end of the stream, or room to write.
    ReadOrWrite,
    /// Room to write.
    Write,
}

impl Socket {
    /// Waits for what `interest` states, for at most `timeout`; forever without one. Returns whether
    /// there are bytes to read, or the end of the stream.
    ///
    /// A signal ends the wait early. On Windows, this returns immediately unless it waits for bytes to
    /// read alone.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error.
    #[cfg(unix)]
    pub fn poll(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<bool> {
        use rustix::event::PollFlags;

        let flags = match interest {
            Interest::Read => PollFlags::IN,
            Interest::ReadOrWrite => PollFlags::IN | PollFlags::OUT,
            Interest::Write => PollFlags::OUT,
        };
        // An error or a hang-up is reported by reading.
        let readable = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        Ok(wait(self, flags, timeout)?.intersects(readable))
    }

    /// Waits for what `interest` states, for at most `timeout`; forever without one. Returns whether
    /// there are bytes to read, or the end of the stream.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error.
    #[cfg(not(unix))]
    pub fn poll(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<bool> {
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
}

/// Calls poll(2) for one descriptor; a signal ends it early.
#[cfg(unix)]
pub(crate) fn wait(
    descriptor: impl std::os::fd::AsFd,
    flags: rustix::event::PollFlags,
    timeout: Option<Duration>,
) -> io::Result<rustix::event::PollFlags> {
    use rustix::event::{PollFd, PollFlags, poll};

    // poll(2) accepts at most about 68 years, which is as good as forever.
    let timeout = timeout.map(|it| it.min(Duration::from_secs(i32::MAX as u64)));
    let timeout = timeout.map(|it| it.try_into().unwrap_or_default());
    let mut descriptors = [PollFd::new(&descriptor, flags)];
    match poll(&mut descriptors, timeout.as_ref()) {
        Ok(_) => Ok(descriptors[0].revents()),
        Err(rustix::io::Errno::INTR) => Ok(PollFlags::empty()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_wait_ends_with_bytes_with_the_end_of_the_stream_or_with_its_timeout() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let socket = Socket::from(ours);
        let short = Some(Duration::from_millis(50));
        let started = Instant::now();
        assert!(!socket.poll(Interest::Read, short).unwrap());
        assert!(started.elapsed() >= Duration::from_millis(49));
        for interest in [Interest::Write, Interest::ReadOrWrite] {
            assert!(!socket.poll(interest, None).unwrap(), "there is room");
        }
        theirs.write_all(b"x").unwrap();
        assert!(socket.poll(Interest::Read, Some(Duration::MAX)).unwrap());
        assert!(socket.poll(Interest::ReadOrWrite, None).unwrap());
        socket.try_read(&mut [0]).unwrap();
        drop(theirs);
        assert!(socket.poll(Interest::Read, None).unwrap());
    }
}
