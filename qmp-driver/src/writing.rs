//! The write half of a connection, for clients and servers.
//!
//! The task that sends something tries to write it immediately, under the connection's lock. The
//! driver writes the rest.

use std::io;
use std::task::{Context, Poll};

use qmp_proto::{Output, OutputBuffer};

use crate::Transport;
use crate::transport::{Descriptor, is_end, lend};

/// The state under the lock.
#[derive(Debug)]
pub(crate) struct WriteHalf {
    pub(crate) output: Output<Descriptor>,
    /// The number of bytes that the driver has taken over and not written yet.
    pub(crate) leaving: usize,
    writer: Writer,
}

/// Which part writes to the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    /// The task that sends something writes it.
    Anyone,
    /// The driver writes, because it has earlier bytes to write or is about to write several
    /// messages together.
    Driver,
    /// Nothing is written, because the peer has stopped reading. What it sent before is still read.
    Nobody,
}

impl WriteHalf {
    pub(crate) const fn new(output: Output<Descriptor>) -> Self {
        Self { output, leaving: 0, writer: Writer::Anyone }
    }

    /// Returns how many bytes have not been written.
    pub(crate) fn unsent(&self) -> usize {
        self.output.unsent() + self.leaving
    }

    /// Writes as much as possible without blocking. Returns whether the rest is left to the driver.
    /// A descriptor that was sent has to be closed after the lock is released: the peer has its own
    /// copy.
    pub(crate) fn try_write(
        &mut self,
        transport: Option<&dyn Transport>,
        left: &mut Option<Descriptor>,
    ) -> bool {
        match (self.writer, transport) {
            (Writer::Anyone, Some(transport)) => {
                while let Some(outgoing) = self.output.chunk() {
                    match transport.try_write(outgoing.bytes, lend(outgoing.descriptor)) {
                        Ok(count @ 1..) => {
                            *left = self.output.advance(count).or_else(|| left.take())
                        }
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        // The driver finds the error again and handles it.
                        Ok(0) | Err(_) => return true,
                    }
                }
            }
            (Writer::Nobody, _) => *left = self.discard().or_else(|| left.take()),
            (Writer::Driver, _) | (Writer::Anyone, None) => {}
        }
        false
    }

    /// Leaves later output to the driver, which writes it in one system call.
    pub(crate) fn hold(&mut self) {
        if self.writer == Writer::Anyone {
            self.writer = Writer::Driver;
        }
    }

    /// Lets tasks write their own output again, unless the driver has earlier bytes.
    pub(crate) fn release(&mut self) {
        if self.writer == Writer::Driver && self.leaving == 0 {
            self.writer = Writer::Anyone;
        }
    }

    /// Moves unwritten bytes to the driver, unless it still has earlier ones.
    pub(crate) fn hand_over(&mut self, outgoing: &mut Outgoing) {
        if self.writer == Writer::Nobody {
            drop(self.discard());
            return;
        }
        if outgoing.output.is_empty() {
            std::mem::swap(&mut self.output, &mut outgoing.output);
        }
        self.leaving = outgoing.output.unsent();
        self.writer = match outgoing.output.is_empty() {
            true => Writer::Anyone,
            false => Writer::Driver,
        };
    }

    /// Discards unsent output and writes nothing more.
    pub(crate) fn close(&mut self) -> Option<Descriptor> {
        self.writer = Writer::Nobody;
        self.discard()
    }

    fn discard(&mut self) -> Option<Descriptor> {
        discard(&mut self.output)
    }
}

/// At most one descriptor is in flight.
fn discard(output: &mut Output<Descriptor>) -> Option<Descriptor> {
    let mut last = None;
    while !output.is_empty() {
        last = output.advance(output.length()).or(last);
    }
    last
}

/// The driver's part: the bytes that other tasks could not write.
#[derive(Debug)]
pub(crate) struct Outgoing {
    output: Output<Descriptor>,
    unflushed: bool,
}

impl Outgoing {
    pub(crate) const fn new() -> Self {
        Self { output: Output::new(), unflushed: false }
    }

    /// Returns whether everything was written and flushed.
    pub(crate) fn is_done(&self) -> bool {
        self.output.is_empty() && !self.unflushed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.output.is_empty()
    }

    pub(crate) fn unsent(&self) -> usize {
        self.output.unsent()
    }

    /// Writes and flushes as much as possible. `take_over` returns output that other tasks have
    /// left meanwhile. Returns whether the peer still reads.
    pub(crate) fn write(
        &mut self,
        cx: &mut Context<'_>,
        transport: &dyn Transport,
        mut take_over: impl FnMut(&mut Self),
    ) -> io::Result<bool> {
        loop {
            while let Some(outgoing) = self.output.chunk() {
                let descriptor = lend(outgoing.descriptor);
                match transport.poll_write(cx, outgoing.bytes, descriptor) {
                    Poll::Pending => return Ok(true),
                    // A descriptor that was sent is closed here: the peer has its own copy.
                    Poll::Ready(Ok(count @ 1..)) => drop(self.output.advance(count)),
                    Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                    Poll::Ready(Ok(0)) => return Ok(self.stop()),
                    Poll::Ready(Err(error)) if is_end(&error) => return Ok(self.stop()),
                    Poll::Ready(Err(error)) => return Err(error),
                }
                self.unflushed = true;
            }
            if !self.unflushed {
                return Ok(true);
            }
            match transport.poll_flush(cx) {
                Poll::Pending => return Ok(true),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) if is_end(&error) => return Ok(self.stop()),
                Poll::Ready(Err(error)) => return Err(error),
            }
            self.unflushed = false;
            take_over(self);
            if self.output.is_empty() {
                return Ok(true);
            }
        }
    }

    /// Stops writing because the peer has closed its end. What it sent before is still to be read.
    fn stop(&mut self) -> bool {
        drop(discard(&mut self.output));
        self.unflushed = false;
        false
    }
}
