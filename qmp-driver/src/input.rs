//! Bytes that were read and are not understood yet.

/// The least room to read into, which is cheap to have again and again: an idle connection has no
/// buffer at all. Most answers and events fit, and whoever sends more gets twice as much each time.
const LEAST_ROOM: usize = 512;
/// The most room to begin with where much came last time.
const MOST_AT_FIRST: usize = 16 * 1024;
/// The buffer does not grow beyond this as long as messages fit.
const KEPT: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Input {
    /// The longest message that is accepted.
    longest: usize,
    /// All of it initialised; from `start` to `end` it is input.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// How much has come since there was nothing, and how much it was the last time: as much is likely
    /// to come again, and to be read at once.
    came: usize,
    usual: usize,
}

impl Input {
    pub(crate) const fn new(longest: usize) -> Self {
        Self { longest, buffer: Vec::new(), start: 0, end: 0, came: 0, usual: 0 }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub(crate) fn used(&mut self, count: usize) {
        self.start += count;
    }

    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > KEPT {
                self.buffer = Vec::new();
            }
        } else if self.buffer.len() - self.end < LEAST_ROOM && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.buffer.len() - self.end < LEAST_ROOM {
            // A message beyond the limit is refused, so room for more is never needed.
            let most = self.longest.saturating_add(LEAST_ROOM);
            let usual = (self.usual + 1).next_power_of_two().min(MOST_AT_FIRST);
            let wanted = (self.buffer.len() * 2).max(usual);
            let length = wanted.min(most).max(self.end + LEAST_ROOM);
            // Exactly: a vector that grows on its own takes up to twice of what is asked for.
            self.buffer.reserve_exact(length - self.buffer.len());
            self.buffer.resize(length, 0);
        }
        &mut self.buffer[self.end..]
    }

    pub(crate) fn filled(&mut self, count: usize) {
        self.end = self.buffer.len().min(self.end + count);
        self.came = self.came.saturating_add(count);
        // There is more where this came from.
        if self.end == self.buffer.len() && self.end < KEPT {
            self.buffer.resize(self.end * 2, 0);
        }
    }

    /// Nothing is there to be read: the memory is given back.
    pub(crate) fn rest(&mut self) {
        if self.start == self.end && !self.buffer.is_empty() {
            // Room may have been made in vain.
            let usual = if self.came > 0 { self.came.min(MOST_AT_FIRST) } else { self.usual };
            *self = Self { usual, ..Self::new(self.longest) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unused_bytes_stay_and_an_idle_buffer_has_no_memory() {
        let mut input = Input::new(10 * KEPT);
        for round in 0..100_000_usize {
            let room = input.room();
            assert!(room.len() >= LEAST_ROOM);
            let count = (round * 7919) % room.len();
            room[..count].fill(round as u8);
            input.filled(count);
            assert!(input.bytes().ends_with(&vec![round as u8; count]));
            let use_up = input.bytes().len().saturating_sub(round % 3);
            input.used(use_up);
            assert!(input.buffer.len() <= 4 * KEPT);
        }
        input.rest();
        let left = input.bytes().len();
        input.used(left);
        input.rest();
        assert_eq!(input.buffer.capacity(), 0);
    }

    #[test]
    fn there_is_room_at_once_for_as_much_as_came_last_time() {
        let mut input = Input::new(10 * KEPT);
        let mut burst = |mut bytes: usize| {
            let first = input.room().len();
            while bytes > 0 {
                let count = input.room().len().min(bytes);
                input.filled(count);
                bytes -= count;
            }
            input.used(input.bytes().len());
            input.rest();
            first
        };
        assert_eq!(burst(3_000), LEAST_ROOM);
        assert_eq!(burst(0), 4_096);
        assert_eq!(burst(100), 4_096);
        assert_eq!(burst(10 * KEPT), LEAST_ROOM);
        assert_eq!(burst(100), MOST_AT_FIRST);
    }

    #[test]
    fn there_is_no_more_room_than_the_longest_message_needs() {
        let longest = 5 * KEPT;
        let mut input = Input::new(longest);
        while input.bytes().len() <= longest {
            let count = input.room().len();
            input.filled(count);
        }
        assert_eq!(input.buffer.capacity(), longest + LEAST_ROOM);
    }
}
