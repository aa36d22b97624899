//! Writing and reading of bytes.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::CloseReason;

use super::dispatch::{Dispatched, dispatch};
use super::{Driver, Next};
use crate::transport::is_end;
use crate::writing::Outgoing;

impl Driver {
    pub(super) fn write(&mut self, cx: &mut Context<'_>) -> Result<(), CloseReason> {
        let Self { connection, transport, outgoing, .. } = self;
        let take_over = |outgoing: &mut Outgoing| connection.lock().writing.hand_over(outgoing);
        match outgoing.write(cx, &**transport, take_over) {
            Ok(true) => Ok(()),
            // The server may have sent input before it closed.
            Ok(false) => {
                connection.with(|machine, after| after.descriptor = machine.writing.close());
                Ok(())
            }
            Err(error) => Err(CloseReason::Io(Arc::new(error))),
        }
    }

    pub(super) fn read(&mut self, cx: &mut Context<'_>) -> Result<Next, CloseReason> {
        let mut full = false;
        let read = match self.transport.poll_readable(cx) {
            Poll::Ready(Ok(())) => {
                let room = self.input.spare_mut();
                let read = self.transport.poll_read(cx, room);
                full = matches!(read, Poll::Ready(Ok(count)) if count == room.len());
                read
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        match read {
            Poll::Pending => {
                self.input.shrink();
                return Ok(Next::Wait);
            }
            Poll::Ready(Ok(0)) => return Err(self.end_of_stream()),
            Poll::Ready(Ok(count)) => {
                self.input.advance(count);
                self.progress.read += count;
                self.received += count as u64;
            }
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            // A server that quits may reset the connection instead of closing it.
            Poll::Ready(Err(error)) if is_end(&error) => return Err(self.end_of_stream()),
            Poll::Ready(Err(error)) => return Err(CloseReason::Io(Arc::new(error))),
        }
        loop {
            let Dispatched { used, large, more, several, crowded, end } =
                dispatch(&self.connection, self.position(), self.input.unread());
            let taken = large.map_or(0, |large| large.settle(&self.connection, &mut self.input));
            self.input.consume(used - taken);
            self.progress.several |= several;
            self.subscribers.after_delivery(crowded);
            match end {
                Some(reason) => return Err(reason),
                None if more => {}
                // More input comes first.
                None if full => return Ok(Next::Again),
                None if self.progress.several => return Ok(Next::Yield),
                None => return Ok(Next::Again),
            }
        }
    }

    /// The number of consumed bytes of the stream.
    fn position(&self) -> u64 {
        self.received - self.input.unread().len() as u64
    }

    fn end_of_stream(&self) -> CloseReason {
        let mut machine = self.connection.lock();
        let refusal = machine.error_before_greeting().map(|error| error.to_string().into());
        let ended = machine.client.handle_end();
        if machine.lifecycle.closing.is_some() {
            return CloseReason::ByUs;
        }
        match (ended, refusal) {
            (_, Some(refusal)) => CloseReason::Handshake(refusal),
            (Ok(()), None) => CloseReason::Closed,
            (Err(error), None) => CloseReason::Protocol(error),
        }
    }
}
