//! Reading, writing and waiting.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use qmp_proto::{ProtocolError, Refusal, Sender, Sink};
use qmp_sockets::{Cause, Deadline, Direction, Disconnect, Error};

use crate::Connection;
use crate::answer::{Answer, Token};
use crate::connection::Descriptor;
use crate::stream::{Interest, Readiness, Stream};

/// How long a connection to an agent that is dropped waits for the agent to close its end.
const TIME_TO_LEAVE: Duration = Duration::from_millis(200);

impl<S: Stream> Connection<S> {
    /// Lets `write` append to the output, and shows what it appended.
    pub(crate) fn send<R>(
        &mut self,
        write: impl FnOnce(&mut Sender<'_, Token, Descriptor>) -> R,
    ) -> R {
        let before = self.session.output().length();
        let written = write(&mut self.session.sender());
        self.wire.show(Direction::Sent, self.session.output().since(before));
        written
    }

    /// Reads and writes until `done` has something, the deadline passes or the connection ends.
    pub(crate) fn drive<R>(
        &mut self,
        deadline: Deadline,
        mut done: impl FnMut(&mut Self) -> Option<R>,
    ) -> Result<R, Stopped> {
        let mut fresh = true;
        loop {
            if let Some(result) = done(self) {
                return Ok(result);
            }
            if self.ended.is_some() {
                return Err(Stopped::Ended);
            }
            // Even a deadline that has passed lets in what has come before it.
            if !fresh && deadline.expired() {
                return Err(Stopped::Deadline);
            }
            fresh = false;
            let stepped = self.step(deadline);
            self.end_on_error(stepped);
        }
    }

    /// Writes what can be written, then waits for input and takes it.
    fn step(&mut self, deadline: Deadline) -> io::Result<()> {
        self.write()?;
        let interest = match self.session.outgoing() {
            Some(_) => Interest::ReadOrWrite,
            None => Interest::Read,
        };
        // Reading alone, with no deadline, waits as well, and saves a system call.
        if deadline.instant().is_some() || interest == Interest::ReadOrWrite {
            let Readiness { read, .. } = self.stream.poll(interest, deadline.remaining())?;
            if !read {
                return Ok(());
            }
        }
        self.read()
    }

    /// Writes what can be written without waiting.
    ///
    /// A server that has closed may have said something before: it is read all the same.
    fn write(&mut self) -> io::Result<()> {
        loop {
            let Some(outgoing) = self.session.outgoing() else {
                return Ok(());
            };
            let length = outgoing.bytes.len();
            let written = if self.deaf {
                Ok(length)
            } else {
                #[cfg(unix)]
                match outgoing.descriptor {
                    Some(descriptor) => {
                        self.stream.write_with_descriptor(outgoing.bytes, descriptor)
                    }
                    None => self.stream.try_write(outgoing.bytes),
                }
                #[cfg(not(unix))]
                self.stream.try_write(outgoing.bytes)
            };
            match written {
                // A stream of the caller's that takes nothing any more.
                Ok(0) => self.deaf = true,
                // The descriptor, if one left, is closed here: the server has its own.
                Ok(count) => drop(self.session.sent(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_end(&error) => self.deaf = true,
                Err(error) => return Err(error),
            }
        }
    }

    /// As [`write`](Self::write); what goes wrong ends the connection.
    pub(crate) fn write_now(&mut self) {
        let written = if self.ended.is_none() { self.write() } else { Ok(()) };
        self.end_on_error(written);
    }

    /// Reads once, for whoever knows that there is something to read.
    pub(crate) fn step_now(&mut self) {
        let read = self.read();
        self.end_on_error(read);
    }

    fn end_on_error(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.end(Disconnect::Io(Arc::new(error)));
        }
    }

    fn read(&mut self) -> io::Result<()> {
        match self.stream.read(self.session.room()) {
            Ok(0) => self.handle_end(),
            Ok(count) => {
                self.session.filled(count);
                self.take_input();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A server that quits may reset the connection instead of closing it.
            Err(error) if is_end(&error) => self.handle_end(),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn handle_end(&mut self) {
        let reason = match self.session.handle_end() {
            _ if self.closed.load(Ordering::Acquire) => Disconnect::ByUs,
            Ok(()) => Disconnect::Closed,
            Err(error) => Disconnect::Protocol(error),
        };
        self.end(reason);
    }

    /// Ends the connection; whoever waits for an answer is told.
    pub(crate) fn end(&mut self, reason: Disconnect) {
        for lost in self.session.drain() {
            lost.token.settle(Answer::None(lost.ending));
        }
        self.ended.get_or_insert(reason);
    }

    /// Waits until everything has left and is answered, or the server closes.
    pub(crate) fn finish_all(&mut self) -> Result<(), Error> {
        let waited = self.settings.handshake_deadline;
        let deadline = self.usual_deadline();
        self.write_now();
        let done = |connection: &mut Self| {
            let in_flight = connection.session.client().in_flight();
            (connection.session.output().is_empty() && in_flight == 0).then_some(())
        };
        match self.drive(deadline, done) {
            Ok(()) | Err(Stopped::Ended) => Ok(()),
            Err(Stopped::Deadline) => Err(self.late(waited).in_command("close")),
        }
    }

    /// That of the handshake, where the stream can wait with one.
    pub(crate) fn usual_deadline(&self) -> Deadline {
        match self.stream.has_deadlines() {
            true => Deadline::after(self.settings.handshake_deadline),
            false => Deadline::NEVER,
        }
    }

    /// Says that we have finished, and reads to the end of what the server still says, for a
    /// moment at most.
    pub(crate) fn leave(&mut self) {
        self.stream.end_writing();
        let deadline = Deadline::after(TIME_TO_LEAVE);
        let mut buffer = [0; 4096];
        while !deadline.expired() {
            match self.stream.poll(Interest::Read, deadline.remaining()) {
                Ok(Readiness { read: true, .. }) => {}
                Ok(_) => continue,
                Err(_) => return,
            }
            if !matches!(self.stream.read(&mut buffer), Ok(count) if count > 0) {
                return;
            }
        }
    }

    pub(crate) fn check_ended(&self, sent: bool) -> Result<(), Error> {
        if self.ended.is_some() { Err(self.disconnected(sent)) } else { Ok(()) }
    }

    pub(crate) fn check_deadline(&self, deadline: Option<Duration>) -> Result<(), Error> {
        if deadline.is_some() && !self.stream.has_deadlines() {
            return Err(self.error(Cause::NoDeadlines));
        }
        Ok(())
    }

    pub(crate) fn disconnected(&self, sent: bool) -> Error {
        let reason = self.ended.clone().unwrap_or(Disconnect::Protocol(ProtocolError::Ended));
        self.error(Cause::Disconnected { reason, sent })
    }

    pub(crate) fn broken(&self, error: io::Error) -> Error {
        let reason = Disconnect::Io(Arc::new(error));
        self.error(Cause::Disconnected { reason, sent: false })
    }

    /// The error of a command that was sent and not answered in time.
    pub(crate) fn late(&self, waited: Duration) -> Error {
        let advice = self.stream.describe_stop().unwrap_or_default();
        self.error(Cause::Deadline { waited, advice })
    }

    pub(crate) fn refused(&self, refusal: Refusal) -> Error {
        self.error(Cause::Refused(refusal))
    }

    pub(crate) fn error(&self, cause: Cause) -> Error {
        Error::new(cause).with_peer(&self.peer)
    }
}

/// Why driving stopped without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    Deadline,
    Ended,
}

/// Whether the other end has closed, however the system puts it.
pub(crate) fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof,
    };
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof
    )
}
