//! Error replies that wait for the replies before them.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use crate::output::{BufferFull, OutputBuffer};

/// Numbers the in-band commands, and holds the error replies to requests that were refused while
/// commands before them were unanswered.
///
/// QEMU replies to in-band requests in their order, to those that it refuses, too. Each reply held
/// here takes one of the slots for in-band commands, so the limit on those bounds this as well.
#[derive(Debug, Default)]
pub(super) struct PendingErrors {
    /// The number of the next in-band command.
    next: u64,
    /// In the order of the requests.
    queue: VecDeque<PendingError>,
}

#[derive(Debug)]
struct PendingError {
    /// The number of the first in-band command behind it.
    next: u64,
    /// How many in-band commands before it are unanswered.
    unanswered: usize,
    /// The whole reply.
    message: Box<[u8]>,
}

impl PendingErrors {
    /// The number of an in-band command that is received now.
    pub(super) const fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Holds a reply until so many in-band commands, all that are unanswered, are settled.
    pub(super) fn push(&mut self, unanswered: usize, message: Box<[u8]>) {
        self.queue.push_back(PendingError { next: self.next, unanswered, message });
    }

    /// The in-band command with this number is answered, or left unanswered.
    pub(super) fn settle(&mut self, number: u64) {
        let behind = self.queue.partition_point(|error| error.next <= number);
        for error in self.queue.range_mut(behind..) {
            error.unanswered = error.unanswered.saturating_sub(1);
        }
    }

    /// How many replies wait for a command.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len() - self.queue.partition_point(|error| error.unanswered == 0)
    }

    /// Appends the replies that no longer wait, as many as there is room for.
    pub(super) fn flush(&mut self, out: &mut impl OutputBuffer) -> Result<(), BufferFull> {
        while let Some(error) = self.queue.front().filter(|error| error.unanswered == 0) {
            out.append(&error.message)?;
            self.queue.pop_front();
        }
        Ok(())
    }
}
