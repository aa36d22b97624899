//! Reads, writes and waits.

use std::io::{self, Read};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use qmp_sockets::receive_with_descriptor;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::connection::Connection;
use crate::connection::running::Running;

/// How many times pending input is read and discarded before the socket is closed.
const LAST_READS: usize = 256;

impl Connection<'_> {
    /// Serves the client until the connection ends.
    pub(super) fn run(&mut self) {
        while !self.ended {
            self.take_injected();
            self.go_on();
            self.take_commands();
            self.write();
            // An error of the socket counts as a disconnected client.
            self.ended = self.is_over() || self.wait_and_read().is_err() || self.ended;
        }
    }

    fn is_over(&self) -> bool {
        let all_sent = self.session.output().unsent() == 0;
        self.ended
            || self.end_at.is_some_and(|end| self.written >= end)
            || self.input_ended && all_sent && self.running.is_empty()
    }

    /// Writes what the socket accepts without blocking, up to the point where the stream must end.
    fn write(&mut self) {
        while let Some(outgoing) = self.session.output_chunk() {
            if self.silent || self.deaf {
                let length = outgoing.bytes.len();
                self.session.advance_output(length);
                continue;
            }
            let left = self.end_at.map_or(u64::MAX, |end| end.saturating_sub(self.written));
            let length = outgoing.bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if length == 0 {
                return;
            }
            match self.socket.try_write(&outgoing.bytes[..length]) {
                Ok(count) => {
                    self.session.advance_output(count);
                    self.written += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Commands that the client sent before it disconnected are still read.
                Err(_) => self.deaf = true,
            }
        }
    }

    fn wait_and_read(&mut self) -> io::Result<()> {
        let wants_input = self.wants_input();
        let mut interest = PollFlags::empty();
        interest.set(PollFlags::IN, wants_input);
        interest.set(PollFlags::OUT, self.session.output().unsent() > 0);
        let mut descriptors =
            [PollFd::new(&self.socket, interest), PollFd::new(&self.wake, PollFlags::IN)];
        match poll(&mut descriptors, self.until_due().as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [client, wake] = descriptors.map(|descriptor| descriptor.revents());
        if !wake.is_empty() {
            // Discards all bytes that were written to wake this thread.
            let _ = (&self.wake).read(&mut [0; 64]);
        }
        if wants_input && client.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            return self.read();
        }
        // The client is gone, so no reply can be sent.
        self.ended |= client.intersects(PollFlags::HUP | PollFlags::ERR);
        Ok(())
    }

    fn wants_input(&self) -> bool {
        !self.input_ended && (self.silent || self.session.wants_input())
    }

    fn until_due(&self) -> Option<Timespec> {
        let due = self.running.iter().filter_map(Running::due).min()?;
        // Rounded up, because waking too early would waste a turn.
        let left = due.saturating_duration_since(Instant::now()) + Duration::from_micros(100);
        Timespec::try_from(left).ok()
    }

    fn read(&mut self) -> io::Result<()> {
        let mut nowhere = [0; 4096];
        let room = if self.silent { &mut nowhere[..] } else { self.session.spare_mut() };
        match receive_with_descriptor(&self.socket, room) {
            Ok((0, _)) => self.input_ended = true,
            Ok(_) if self.silent => {}
            Ok((count, descriptor)) => {
                if let Some(descriptor) = descriptor {
                    drop(self.arrivals.push(self.read, descriptor));
                }
                self.session.advance(count);
                self.read += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Closes the connection. Discards pending input first: closing a socket with unread input
    /// resets the connection, and the client could lose output that it has not read yet.
    pub(super) fn leave(&mut self) {
        // Fails if the other end has closed already, which makes no difference.
        let _ = self.socket.shutdown(Shutdown::Write);
        if self.socket.set_nonblocking(true).is_err() {
            return;
        }
        let mut buffer = [0; 4096];
        for _ in 0..LAST_READS {
            if !matches!(self.socket.read(&mut buffer), Ok(1..)) {
                return;
            }
        }
    }
}
