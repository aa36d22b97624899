//! Reading, writing and waiting.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use qmp_proto::server::{Received, Rejection};
use qmp_sockets::{Cause, Deadline, Error, Hangup};

use crate::drive::is_end;
use crate::server::{Connection, Request};
use crate::stream::{Interest, Readiness, Stream};

/// How much of what the client still says is read before we leave.
const LAST_READS: usize = 256;

impl<S: Stream> Connection<S> {
    /// The next command in what was read, if there is one.
    pub(super) fn take_command(&mut self) -> Option<Request> {
        while self.ended.is_none() {
            let (command, garbage) = match self.session.receive()?.0 {
                Received::Command(command, ticket) => (Some((command.into_owned(), ticket)), None),
                Received::Rejected(rejected)
                    if self.manners.garbage_ends && rejected.reason == Rejection::NotJson =>
                {
                    (None, Some(Hangup::NotJson(rejected.to_string().into())))
                }
                _ => (None, None),
            };
            self.consumed += self.session.consumed().len() as u64;
            if let Some((command, ticket)) = command {
                let given_up = Arc::clone(&self.given_up);
                return Some(Request::new(command, ticket, self.consumed, given_up));
            }
            if let Some(reason) = garbage {
                self.write_now();
                self.leave();
                self.end(reason);
            }
        }
        None
    }

    /// Writes what can be written, then waits for input and reads it once, where any is wanted.
    pub(super) fn step(&mut self, deadline: Deadline) {
        let stepped = self.try_step(deadline);
        self.end_on_error(stepped);
    }

    fn try_step(&mut self, deadline: Deadline) -> io::Result<()> {
        self.write()?;
        // A client that lets its answers pile up is not read from.
        let wants_input = self.session.wants_input();
        let interest = match self.session.outgoing() {
            Some(_) if wants_input => Interest::ReadOrWrite,
            Some(_) => Interest::Write,
            None => Interest::Read,
        };
        // Reading alone, with no deadline, waits as well, and saves a system call.
        if deadline.instant().is_some() || interest != Interest::Read {
            let Readiness { read, .. } = self.stream.poll(interest, deadline.remaining())?;
            if !read || !wants_input {
                return Ok(());
            }
        }
        self.read()
    }

    fn read(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        let read = self.stream.read_with_descriptor(self.session.room());
        #[cfg(not(unix))]
        let read = self.stream.read(self.session.room()).map(|count| (count, ()));
        match read {
            Ok((0, _)) => self.end_input(),
            Ok((count, descriptor)) => {
                #[cfg(unix)]
                if let Some(descriptor) = descriptor {
                    drop(self.arrivals.push(self.read, descriptor));
                }
                #[cfg(not(unix))]
                let () = descriptor;
                self.session.filled(count);
                self.read += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A client that leaves something unread resets the connection.
            Err(error) if is_end(&error) => self.end_input(),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The client says nothing more. It may still wait for answers.
    fn end_input(&mut self) {
        self.input_ended = true;
        if self.in_flight() == 0 && (self.deaf || self.unsent() == 0) {
            self.end(Hangup::ByClient);
        }
    }

    /// Writes what can be written without waiting.
    fn write(&mut self) -> io::Result<()> {
        loop {
            let Some(outgoing) = self.session.outgoing() else {
                return Ok(());
            };
            let length = outgoing.bytes.len();
            // What a client said before it left is still to be done.
            let written =
                if self.deaf { Ok(length) } else { self.stream.try_write(outgoing.bytes) };
            match written {
                // A stream of the caller's that takes nothing any more.
                Ok(0) => self.deaf = true,
                Ok(count) => self.session.sent(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_end(&error) => self.deaf = true,
                Err(error) => return Err(error),
            }
        }
    }

    /// As [`write`](Self::write); what goes wrong ends the connection.
    pub(super) fn write_now(&mut self) {
        let written = if self.ended.is_none() { self.write() } else { Ok(()) };
        self.end_on_error(written);
        if self.input_ended && self.in_flight() == 0 && self.unsent() == 0 {
            self.end(Hangup::ByClient);
        }
    }

    /// Waits until everything was written.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        let waited = self.manners.close_deadline;
        let deadline = match self.has_deadlines() {
            true => Deadline::after(waited),
            false => Deadline::NEVER,
        };
        self.answer_given_up();
        self.write_now();
        while self.ended.is_none() && self.unsent() > 0 {
            if deadline.expired() {
                let error = self.error(Cause::Deadline { waited, advice: String::new() });
                return Err(error.in_command("close"));
            }
            if self.has_deadlines() {
                let polled = self.stream.poll(Interest::Write, deadline.remaining());
                self.end_on_error(polled.map(|_| ()));
            }
            self.write_now();
        }
        self.leave();
        Ok(())
    }

    /// Closing with something unread would reset the connection, and the client might lose what it
    /// has not read yet.
    fn leave(&mut self) {
        self.stream.end_writing();
        let mut buffer = [0; 4096];
        for _ in 0..LAST_READS {
            if !self.has_deadlines() || self.ended.is_some() {
                return;
            }
            match self.stream.poll(Interest::Read, Some(Duration::ZERO)) {
                Ok(Readiness { read: true, .. }) => {}
                _ => return,
            }
            if !matches!(self.stream.read(&mut buffer), Ok(1..)) {
                return;
            }
        }
    }

    fn end_on_error(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.end(Hangup::Io(Arc::new(error)));
        }
    }

    pub(super) fn end(&mut self, reason: Hangup) {
        self.ended.get_or_insert(reason);
        let unsent = self.unsent();
        self.session.sent(unsent);
    }
}
