//! The bytes between a stream and a machine that takes slices.

use alloc::vec::Vec;
use core::fmt;
use core::mem;

use crate::message::{OwnedReply, ReplyPlace};

/// The most room to begin with where much came last time.
const MOST_AT_FIRST: usize = 16 * 1024;
/// The buffer does not grow beyond this as long as messages fit, and keeps no more when empty.
pub(crate) const KEPT: usize = 64 * 1024;
/// Up to here it doubles; beyond, it grows by half, for all of it is written to and may be in vain.
const MUCH: usize = 1024 * 1024;
/// A buffer so many times as large as what usually comes is changed for a smaller one.
const TOO_LARGE: usize = 8;

/// What was read and is not done with, and room to read more into.
///
/// For those who drive a [`Client`](crate::Client) or a [`Server`](crate::server::Server) without
/// a session. There is room for about as much as came last time: an idle connection needs
/// [`LEAST_ROOM`](Self::LEAST_ROOM), or nothing if it [rests](Self::shrink), and a burst of messages is
/// read at once. Memory beyond 64 KiB is given back as soon as everything is used.
///
/// ```
/// use qmp_proto::{Client, InputBuffer, Options, Received};
///
/// let mut client: Client<()> = Client::negotiated(Options::monitor(), 7);
/// let mut input = InputBuffer::new(client.longest_message());
/// let message = b"{\"event\": \"STOP\"}\r\n";
/// input.room()[..message.len()].copy_from_slice(message); // from the socket
/// input.filled(message.len());
/// let step = client.handle_input(input.unread())?;
/// assert!(matches!(step.received, Some(Received::Event(event)) if event.name() == "STOP"));
/// let used = step.used;
/// input.used(used);
/// # Ok::<(), qmp_proto::ProtocolError>(())
/// ```
pub struct InputBuffer {
    /// The longest message that is accepted.
    longest: usize,
    /// All of it initialised; from `start` to `end` it is input.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// How much has come since there was nothing.
    came: usize,
    /// How much it was the last time, or half of what it was before: as much is likely to come
    /// again, and to be read at once.
    usual: usize,
}

impl InputBuffer {
    /// The least room there is to read into.
    pub const LEAST_ROOM: usize = 512;
    /// A reply of so many bytes, half a mebibyte, is worth the memory that it was read into: see
    /// [`take_reply`](Self::take_reply). What is as large is a file's content.
    pub const LARGE: usize = 512 * 1024;

    /// A buffer for messages of up to so many bytes; it has no memory yet.
    pub const fn new(longest_message: usize) -> Self {
        Self { longest: longest_message, bytes: Vec::new(), start: 0, end: 0, came: 0, usual: 0 }
    }

    /// The bytes that are not used yet.
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Room to read into: [`LEAST_ROOM`](Self::LEAST_ROOM) at least, and more where more came last
    /// time or a long message is coming in.
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
            // Exactly: a vector that grows on its own takes up to twice of what is asked for.
            self.bytes.reserve_exact(length - self.bytes.len());
            self.bytes.resize(length, 0);
        }
        &mut self.bytes[self.end..]
    }

    /// Says that so many bytes were read into the room.
    pub fn advance(&mut self, count: usize) {
        let count = count.min(self.bytes.len() - self.end);
        self.end += count;
        self.came = self.came.saturating_add(count);
        // There is more where this came from.
        if self.end == self.bytes.len() && self.end < KEPT {
            self.bytes.resize((self.end * 2).min(self.most()).max(self.end), 0);
        }
    }

    /// Says that so many of the [`unread`](Self::unread) bytes are done with.
    pub fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start.saturating_add(count));
        if self.start == self.end && self.bytes.len() > KEPT {
            self.bytes = Vec::new();
            (self.start, self.end) = (0, 0);
        }
    }

    /// The reply at this place of the [`unread`](Self::unread) bytes, with bytes of its own. It is done
    /// with, and so is all before it.
    ///
    /// A [`LARGE`](Self::LARGE) one that came into an empty buffer is not copied: the buffer's memory
    /// becomes the reply's, with the room that is left behind it: up to as much again. `None` if these
    /// bytes are not there any more.
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

    /// Gives the memory back, if nothing is unread: for when there is nothing to be read, where a
    /// stream can be asked that without room.
    pub fn shrink(&mut self) {
        if self.start == self.end && !self.bytes.is_empty() {
            self.learn();
            *self = Self { usual: self.usual, ..Self::new(self.longest) };
        }
    }

    /// How many bytes are not used yet.
    pub(crate) const fn unread_length(&self) -> usize {
        self.end - self.start
    }

    /// No more is ever needed: what is longer than a message may be is refused.
    const fn most(&self) -> usize {
        self.longest.saturating_add(Self::LEAST_ROOM)
    }

    /// Room may have been made in vain: that says nothing of what comes.
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
    /// Not what was said: it can be long, and secret.
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
    fn unused_bytes_stay_and_a_buffer_at_rest_has_no_memory() {
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

    /// With a rest of a message in it all the time, it never runs empty.
    #[test]
    fn what_is_done_with_makes_room_for_what_comes() {
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
    fn there_is_room_at_once_for_as_much_as_came_last_time() {
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

    /// As where a stream cannot be asked whether there is something: one reads, and waits in it.
    #[test]
    fn a_large_buffer_shrinks_once_little_comes_without_a_rest() {
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
    fn there_is_no_more_room_than_the_longest_message_needs() {
        let longest = 5 * KEPT;
        let mut input = InputBuffer::new(longest);
        while input.unread_length() <= longest {
            let count = input.spare_mut().len();
            input.advance(count);
        }
        assert_eq!(input.memory(), longest + LEAST_ROOM);
    }

    #[test]
    fn a_large_reply_takes_the_memory_with_it_and_a_small_one_a_copy() {
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
            assert!(input.take_reply(place).is_none(), "it has gone");
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
    fn no_more_is_filled_or_used_than_there_is() {
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
