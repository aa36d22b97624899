//! The bytes between a stream and a machine that takes slices.

use alloc::vec::Vec;

/// The least room to read into.
pub(crate) const LEAST_ROOM: usize = 4 * 1024;
/// Above this the memory is given back when it runs empty.
pub(crate) const KEPT: usize = 64 * 1024;

/// What was read and is not done with, and room to read more into.
#[derive(Default)]
pub(crate) struct InputBuffer {
    /// All of it initialised; from `start` to `end` it is input.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// How many bytes before `start` were done with last.
    consumed: usize,
}

/// Says how much of the unread bytes is done with, while they are borrowed.
pub(crate) struct Consume<'a> {
    start: &'a mut usize,
    consumed: &'a mut usize,
}

impl InputBuffer {
    pub(crate) const fn new() -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0, consumed: 0 }
    }

    /// Room to read into: [`LEAST_ROOM`] at least, and more while a long message is coming in, up
    /// to what a message of `longest` bytes needs.
    pub(crate) fn room(&mut self, longest: usize) -> &mut [u8] {
        self.settle();
        if self.start > 0 && self.bytes.len() - self.end < LEAST_ROOM {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.bytes.len() - self.end < LEAST_ROOM {
            // A message beyond the limit is refused, so room for more is never needed.
            let most = longest.saturating_add(LEAST_ROOM);
            let length = (self.bytes.len() * 2).min(most).max(self.end + LEAST_ROOM);
            // Exactly: a vector that grows on its own takes up to twice of what is asked for.
            self.bytes.reserve_exact(length - self.bytes.len());
            self.bytes.resize(length, 0);
        }
        &mut self.bytes[self.end..]
    }

    /// Says that so many bytes were read into the room; how many there was room for.
    pub(crate) fn filled(&mut self, count: usize) -> usize {
        let before = self.end;
        self.end = self.bytes.len().min(self.end.saturating_add(count));
        self.end - before
    }

    /// Forgets what was done with last. The memory for a long message is not kept while idle.
    pub(crate) fn settle(&mut self) {
        self.consumed = 0;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() > KEPT {
                self.bytes = Vec::new();
            }
        }
    }

    /// The bytes that are not done with.
    pub(crate) fn unread(&mut self) -> (&[u8], Consume<'_>) {
        let input = &self.bytes[self.start..self.end];
        (input, Consume { start: &mut self.start, consumed: &mut self.consumed })
    }

    /// How many bytes are not done with.
    pub(crate) const fn unread_length(&self) -> usize {
        self.end - self.start
    }

    /// The bytes that were done with last.
    pub(crate) fn consumed(&self) -> &[u8] {
        &self.bytes[self.start - self.consumed..self.start]
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.bytes.len()
    }
}

impl Consume<'_> {
    pub(crate) fn consume(self, count: usize) {
        *self.start += count;
        *self.consumed += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With a rest of a message in it all the time, it never runs empty.
    #[test]
    fn what_is_done_with_makes_room_for_what_comes() {
        let mut buffer = InputBuffer::new();
        for byte in 0..=255 {
            let room = buffer.room(1 << 20);
            room.fill(byte);
            let count = room.len();
            assert_eq!(buffer.filled(count), count);
            let (unread, consume) = buffer.unread();
            assert!(unread.ends_with(&[byte; LEAST_ROOM]));
            let done = unread.len() - 100;
            consume.consume(done);
            assert_eq!((buffer.consumed().len(), buffer.unread_length()), (done, 100));
            assert!(buffer.bytes.capacity() <= 2 * LEAST_ROOM + 100, "{}", buffer.memory());
        }
    }
}
