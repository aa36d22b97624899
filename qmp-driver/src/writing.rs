//! The write half of a connection, of clients and servers alike.
//!
//! Whoever has something to send tries to write it at once, under the connection's lock; what does
//! not go out is left to the driver.

use std::io;
use std::task::{Context, Poll};

use qmp_proto::{Output, Sink};

use crate::Transport;
use crate::transport::{Descriptor, is_end, lend};

/// The part under the lock.
#[derive(Debug)]
pub(crate) struct WriteHalf {
    pub(crate) output: Output<Descriptor>,
    /// How many bytes the driver has taken over and not written yet.
    pub(crate) leaving: usize,
    writer: Writer,
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    /// Whoever sends tries.
    Anyone,
    /// The driver has earlier bytes that are still to be written, or is about to write what is sent
    /// next together.
    Driver,
    /// Nobody: the peer does not read any more. What it sent before is still read.
    Nobody,
}

impl WriteHalf {
    pub(crate) const fn new(output: Output<Descriptor>) -> Self {
        Self { output, leaving: 0, writer: Writer::Anyone }
    }

    /// How many bytes are still to be written.
    pub(crate) fn unsent(&self) -> usize {
        self.output.unsent() + self.leaving
    }

    /// Writes what can be written at once; whether the rest is left to the driver. The descriptor
    /// that has left is to be closed once the lock is released: the peer has its own.
    pub(crate) fn try_write(
        &mut self,
        transport: Option<&dyn Transport>,
        left: &mut Option<Descriptor>,
    ) -> bool {
        match (self.writer, transport) {
            (Writer::Anyone, Some(transport)) => {
                while let Some(outgoing) = self.output.next() {
                    match transport.try_write(outgoing.bytes, lend(outgoing.descriptor)) {
                        Ok(count @ 1..) => *left = self.output.sent(count).or_else(|| left.take()),
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        // An error is found again, and dealt with, by the driver.
                        Ok(0) | Err(_) => return true,
                    }
                }
            }
            (Writer::Nobody, _) => *left = self.discard().or_else(|| left.take()),
            (Writer::Driver, _) | (Writer::Anyone, None) => {}
        }
        false
    }

    /// Leaves what is sent next to the driver, which writes it in one go.
    pub(crate) fn hold(&mut self) {
        if self.writer == Writer::Anyone {
            self.writer = Writer::Driver;
        }
    }

    /// Lets whoever sends try again, unless the driver has earlier bytes.
    pub(crate) fn release(&mut self) {
        if self.writer == Writer::Driver && self.leaving == 0 {
            self.writer = Writer::Anyone;
        }
    }

    /// Gives the driver what others could not write, unless it still has some.
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

    /// Nothing is written any more.
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
        last = output.sent(output.length()).or(last);
    }
    last
}

/// The driver's part: what others could not write.
#[derive(Debug)]
pub(crate) struct Outgoing {
    output: Output<Descriptor>,
    unflushed: bool,
}

impl Outgoing {
    pub(crate) const fn new() -> Self {
        Self { output: Output::new(), unflushed: false }
    }

    /// Whether everything was written and flushed.
    pub(crate) fn is_done(&self) -> bool {
        self.output.is_empty() && !self.unflushed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.output.is_empty()
    }

    pub(crate) fn unsent(&self) -> usize {
        self.output.unsent()
    }

    /// Writes and flushes what it can; `take_over` brings what others have left meanwhile. Returns
    /// whether the peer still reads.
    pub(crate) fn write(
        &mut self,
        cx: &mut Context<'_>,
        transport: &dyn Transport,
        mut take_over: impl FnMut(&mut Self),
    ) -> io::Result<bool> {
        loop {
            while let Some(outgoing) = self.output.next() {
                let descriptor = lend(outgoing.descriptor);
                match transport.poll_write(cx, outgoing.bytes, descriptor) {
                    Poll::Pending => return Ok(true),
                    // The descriptor that has left is closed: the peer has its own.
                    Poll::Ready(Ok(count @ 1..)) => drop(self.output.sent(count)),
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

    /// The peer has closed its end. What it sent before is still to be read.
    fn stop(&mut self) -> bool {
        drop(discard(&mut self.output));
        self.unflushed = false;
        false
    }
}
