//! The input buffer between a stream and a state machine.

use alloc::vec::Vec;
use core::fmt;
use core::mem;

use crate::message::{OwnedReply, ReplyPlace};

/// The largest size of a new buffer, after a burst of input.
const MOST_AT_FIRST: usize = 16 * 1024;
/// The largest size while messages fit, and the most memory that an empty buffer keeps.
pub(crate) const KEPT: usize = 64 * 1024;
/// Below this size the buffer doubles. Above, it grows by half, because new memory is zeroed and
/// may not be needed.
const MUCH: usize = 1024 * 1024;
/// A buffer that is larger than its usual size by this factor is replaced by a smaller one.
const TOO_LARGE: usize = 8;

/// A buffer for input that was read and not consumed yet, with spare capacity for the next read.
///
/// Use it with a [`Client`](crate::Client) or a [`Server`](crate::server::Server) if you do not use
/// a session. Its size follows the amount of recent input: an idle connection needs
/// [`LEAST_ROOM`](Self::LEAST_ROOM), or no memory after [`shrink`](Self::shrink), and a burst of
/// messages is read at once. Memory above 64 KiB is freed when all input is consumed.
///
/// ```
/// use qmp_proto::{Client, InputBuffer, Options, Received};
///
/// let mut client: Client<()> = Client::negotiated(Options::monitor(), 7);
/// let mut input = InputBuffer::new(client.longest_message());
/// let message = b"{\"event\": \"STOP\"}\r\n";
/// input.spare_mut()[..message.len()].copy_from_slice(message); // from the socket
/// input.advance(message.len());
/// let step = client.handle_input(input.unread())?;
/// assert!(matches!(step.received, Some(Received::Event(event)) if event.name() == "STOP"));
/// let used = step.used;
/// input.consume(used);
/// # Ok::<(), qmp_proto::ProtocolError>(())
/// ```
pub struct InputBuffer {
    /// The length of the longest message that is accepted.
    longest: usize,
    /// Initialised memory, which contains the input from `start` to `end`.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// How many bytes were read since the buffer was last empty.
    came: usize,
    /// The previous such count, or half of the one before if that is more: as many bytes are likely
    /// to arrive again.
    usual: usize,
}

impl InputBuffer {
    /// The least spare capacity, in bytes.
    pub const LEAST_ROOM: usize = 512;
    /// The length, half a mebibyte, from which on a reply takes over the memory that it was read
    /// into; see [`take_reply`](Self::take_reply). Replies of this length are contents of files.
    pub const LARGE: usize = 512 * 1024;

    /// Creates a buffer for messages of up to `longest_message` bytes, without allocating.
    pub const fn new(longest_message: usize) -> Self {
        Self { longest: longest_message, bytes: Vec::new(), start: 0, end: 0, came: 0, usual: 0 }
    }

    /// Returns the bytes that are not consumed yet.
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Returns spare capacity to read into: at least [`LEAST_ROOM`](Self::LEAST_ROOM), and more
    /// after a burst of input or inside a long message.
    pub fn spare_mut(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.learn();
            if self.bytes.len() > TOO_LARGE * self.first_room() {
                self.bytes = Vec::new();
            }
        } else if self.bytes.len() - self.end < Self::LEAST_ROOM && self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.bytes.len() - self.end < Self::LEAST_ROOM {
            let more =
                if self.bytes.len() < MUCH { self.bytes.len() } else { self.bytes.len() / 2 };
            let wanted = (self.bytes.len() + more).max(self.first_room());
            let length = wanted.min(self.most()).max(self.end + Self::LEAST_ROOM);
            // `reserve` could allocate twice the requested capacity.
            self.bytes.reserve_exact(length - self.bytes.len());
            self.bytes.resize(length, 0);
        }
        &mut self.bytes[self.end..]
    }

    /// Adds the first `count` bytes of [`spare_mut`](Self::spare_mut), which were read, to the
    /// input.
    pub fn advance(&mut self, count: usize) {
        let count = count.min(self.bytes.len() - self.end);
        self.end += count;
        self.came = self.came.saturating_add(count);
        // A read that fills the buffer is probably followed by more input.
        if self.end == self.bytes.len() && self.end < KEPT {
            self.bytes.resize((self.end * 2).min(self.most()).max(self.end), 0);
        }
    }

    /// Removes the first `count` bytes of [`unread`](Self::unread).
    pub fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start.saturating_add(count));
        if self.start == self.end && self.bytes.len() > KEPT {
            self.bytes = Vec::new();
            (self.start, self.end) = (0, 0);
        }
    }

    /// Returns the reply at this place of the [`unread`](Self::unread) bytes as an owned one. The
    /// reply and everything before it are consumed.
    ///
    /// A [`LARGE`](Self::LARGE) reply at the start of the buffer is not copied: it takes over the
    /// buffer's memory, with up to as much spare capacity. Returns `None` if these bytes were
    /// consumed already.
    pub fn take_reply(&mut self, place: ReplyPlace) -> Option<OwnedReply> {
        let message = self.unread().get(place.message.clone())?;
        let moves = message.len() >= Self::LARGE && self.start + place.message.start == 0;
        let message = match moves {
            true => self.give_away(place.message.end),
            false => {
                let copy = message.into();
                self.consume(place.message.end);
                copy
            }
        };
        Some(place.reply(message))
    }

    fn give_away(&mut self, end: usize) -> Vec<u8> {
        let rest = self.bytes[end..self.end].to_vec();
        let mut bytes = mem::replace(&mut self.bytes, rest);
        (self.start, self.end) = (0, self.bytes.len());
        bytes.truncate(end);
        bytes
    }

    /// Frees the memory if nothing is unread. Call it when the stream has no more input for now.
    pub fn shrink(&mut self) {
        if self.start == self.end && !self.bytes.is_empty() {
            self.learn();
            *self = Self { usual: self.usual, ..Self::new(self.longest) };
        }
    }

    /// Returns the number of bytes that are not consumed yet.
    pub(crate) const fn unread_length(&self) -> usize {
        self.end - self.start
    }

    /// The largest size that is ever needed, because a message over the limit is refused.
    const fn most(&self) -> usize {
        self.longest.saturating_add(Self::LEAST_ROOM)
    }

    /// Updates the usual amount of input. A read that returned nothing does not count.
    fn learn(&mut self) {
        if self.came > 0 {
            self.usual = mem::take(&mut self.came).min(MOST_AT_FIRST).max(self.usual / 2);
        }
    }

    fn first_room(&self) -> usize {
        (self.usual + 1).next_power_of_two().clamp(Self::LEAST_ROOM, MOST_AT_FIRST)
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity()
    }
}

impl fmt::Debug for InputBuffer {
    /// Omits the bytes, which can be long and can contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InputBuffer").field("unread", &self.unread_length()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::wire::route;

    const LEAST_ROOM: usize = InputBuffer::LEAST_ROOM;

    #[test]
    fn unconsumed_bytes_stay_and_an_empty_buffer_frees_its_memory() {
        let mut input = InputBuffer::new(10 * KEPT);
        for round in 0..100_000_usize {
            let room = input.spare_mut();
            assert!(room.len() >= LEAST_ROOM);
            let count = (round * 7919) % room.len();
            room[..count].fill(round as u8);
            input.advance(count);
            assert!(input.unread().ends_with(&alloc::vec![round as u8; count]));
            let done = input.unread().len().saturating_sub(round % 3);
            input.consume(done);
            assert!(input.memory() <= 4 * KEPT);
        }
        input.spare_mut();
        input.advance(1);
        input.shrink();
        assert_ne!(input.memory(), 0);
        let left = input.unread().len();
        input.consume(left);
        input.shrink();
        assert_eq!(input.memory(), 0);
    }

    /// The buffer always contains a part of a message, so it is never empty.
    #[test]
    fn consumed_bytes_make_room_for_new_ones() {
        let mut input = InputBuffer::new(1 << 20);
        for byte in 0..=255 {
            let room = input.spare_mut();
            room.fill(byte);
            let count = room.len();
            input.advance(count);
            assert!(input.unread().ends_with(&[byte; LEAST_ROOM]));
            let done = input.unread().len() - 100;
            input.consume(done);
            assert_eq!(input.unread_length(), 100);
            assert!(input.memory() <= KEPT, "{}", input.memory());
        }
    }

    #[test]
    fn the_spare_capacity_follows_the_amount_of_the_last_burst() {
        let mut input = InputBuffer::new(10 * KEPT);
        let mut burst = |mut bytes: usize| {
            let first = input.spare_mut().len();
            while bytes > 0 {
                let count = input.spare_mut().len().min(bytes);
                input.advance(count);
                bytes -= count;
            }
            input.consume(input.unread_length());
            input.shrink();
            first
        };
        assert_eq!(burst(3_000), LEAST_ROOM);
        assert_eq!(burst(0), 4_096);
        assert_eq!(burst(100), 4_096);
        assert_eq!(burst(100), 2_048);
        assert_eq!(burst(100), 1_024);
        assert_eq!(burst(10 * KEPT), LEAST_ROOM);
        assert_eq!(burst(100), MOST_AT_FIRST);
    }

    /// A blocking stream reads into the buffer while it waits, so `shrink` is never called.
    #[test]
    fn a_large_buffer_shrinks_after_little_input_without_a_call_of_shrink() {
        let mut input = InputBuffer::new(10 * KEPT);
        for _ in 0..20 {
            let count = input.spare_mut().len();
            input.advance(count);
            input.consume(count);
        }
        assert_eq!(input.memory(), KEPT);
        for _ in 0..10 {
            input.spare_mut();
            input.advance(100);
            input.consume(100);
        }
        assert_eq!(input.spare_mut().len(), input.memory());
        assert_eq!(input.memory(), TOO_LARGE * LEAST_ROOM);
    }

    #[test]
    fn the_buffer_is_no_larger_than_the_longest_message_needs() {
        let longest = 5 * KEPT;
        let mut input = InputBuffer::new(longest);
        while input.unread_length() <= longest {
            let count = input.spare_mut().len();
            input.advance(count);
        }
        assert_eq!(input.memory(), longest + LEAST_ROOM);
    }

    #[test]
    fn a_large_reply_takes_over_the_memory_and_a_small_one_is_copied() {
        const LARGE: usize = InputBuffer::LARGE;
        let mut input = InputBuffer::new(2 * LARGE);
        for (length, blanks) in [(10, 0), (LARGE - 50, 0), (LARGE, 0), (LARGE, 3)] {
            let long = alloc::vec![b'x'; length];
            let message = [b"{\"return\": \"", &long[..], b"\", \"id\": 7}"].concat();
            let blank = &b"   "[..blanks];
            let mut stream = &[blank, &message, b"\r\n{\"ev"].concat()[..];
            while !stream.is_empty() {
                let room = input.spare_mut();
                let count = room.len().min(stream.len());
                room[..count].copy_from_slice(&stream[..count]);
                input.advance(count);
                stream = &stream[count..];
            }
            let at = input.unread().as_ptr();
            let line = &input.unread()[blanks..][..message.len()];
            let Some(Message::Reply(reply)) = route(line) else { panic!() };
            assert!(reply.place_in(b"elsewhere").is_none());
            let place = reply.place_in(input.unread()).unwrap();
            let reply = input.take_reply(place.clone()).unwrap();
            assert!(input.take_reply(place).is_none(), "it was taken");
            assert_eq!(reply.message().as_ptr() == at, length >= LARGE && blanks == 0);
            assert_eq!(reply.message(), message);
            assert_eq!(reply.json().unwrap().as_str().len(), length + 2);
            assert_eq!(reply.as_reply().id_bytes(), Some(&b"7"[..]));
            assert_eq!(input.unread(), b"\r\n{\"ev");
            assert!(input.spare_mut().len() >= LEAST_ROOM);
            input.consume(7);
        }
    }

    #[test]
    fn counts_over_the_available_bytes_are_clamped() {
        let mut input = InputBuffer::new(KEPT);
        input.advance(10);
        assert_eq!(input.unread_length(), 0);
        input.spare_mut();
        input.advance(usize::MAX);
        assert_eq!(input.unread_length(), LEAST_ROOM);
        input.consume(usize::MAX);
        assert_eq!(input.unread(), b"");
    }
}
