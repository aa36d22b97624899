//! Error replies to invalid requests, and those that wait for the replies before them.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::fmt;

use crate::message::ErrorClass;
use crate::output::{BufferFull, OutputBuffer};
use crate::server::Rejection;
use crate::server::ticket::Id;

/// An error reply of the server itself to an invalid request.
#[derive(Clone, Copy)]
pub(super) struct ErrorReply<'a> {
    pub(super) reason: Rejection,
    pub(super) class: ErrorClass<'a>,
    pub(super) id: Option<&'a Id>,
    pub(super) description: &'a dyn fmt::Display,
    /// Whether it is the reply to an out-of-band request.
    pub(super) out_of_band: bool,
}

impl<'a> ErrorReply<'a> {
    /// A `GenericError` in reply to an in-band request without an id.
    pub(super) const fn new(reason: Rejection, description: &'a dyn fmt::Display) -> Self {
        let class = ErrorClass::GenericError;
        Self { reason, class, id: None, description, out_of_band: false }
    }
}

/// Numbers the in-band commands, and stores the error replies to requests that were refused while
/// commands before them were unanswered.
///
/// QEMU replies to in-band requests in their order, including the refused ones. Each stored reply
/// takes the slot of an in-band command, so the in-flight limit bounds the queue, too.
#[derive(Debug, Default)]
pub(super) struct PendingErrors {
    /// The number of the next in-band command.
    next: u64,
    /// In the order of the requests.
    queue: VecDeque<PendingError>,
}

#[derive(Debug)]
struct PendingError {
    /// The number of the first in-band command after it.
    next: u64,
    /// The number of unanswered in-band commands before it.
    unanswered: usize,
    /// The whole reply.
    message: Box<[u8]>,
}

impl PendingErrors {
    /// Returns the number for an in-band command that is received now.
    pub(super) const fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Stores a reply until the `unanswered` in-band commands, which are all before it, are
    /// settled.
    pub(super) fn push(&mut self, unanswered: usize, message: Box<[u8]>) {
        self.queue.push_back(PendingError { next: self.next, unanswered, message });
    }

    /// Records that the in-band command with this number was answered or left unanswered.
    pub(super) fn settle(&mut self, number: u64) {
        let behind = self.queue.partition_point(|error| error.next <= number);
        for error in self.queue.range_mut(behind..) {
            error.unanswered = error.unanswered.saturating_sub(1);
        }
    }

    /// Returns the number of replies that wait for a command.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len() - self.queue.partition_point(|error| error.unanswered == 0)
    }

    /// Appends the replies that no longer wait, as many as fit.
    pub(super) fn flush(&mut self, out: &mut impl OutputBuffer) -> Result<(), BufferFull> {
        while let Some(error) = self.queue.front().filter(|error| error.unanswered == 0) {
            out.append(&error.message)?;
            self.queue.pop_front();
        }
        Ok(())
    }
}
