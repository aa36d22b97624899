//! Events that own their bytes, alone or together with those they came with.

// Where there are no atomic pointers, there are no threads to share an event with either.
#[cfg(not(target_has_atomic = "ptr"))]
use alloc::rc::Rc as Shared;
#[cfg(target_has_atomic = "ptr")]
use alloc::sync::Arc as Shared;
use core::fmt;
use core::ops::Range;

use crate::json::JsonError;
use crate::message::owned::show;
use crate::message::{Body, Event, Json, Timestamp, Utf8};

/// The longest line end: what may stand between events of one block.
const LINE_END: usize = 2;

/// An event that owns its bytes, for queues and for other threads; decoded when asked for.
///
/// To clone it is cheap: the bytes are shared. Made by [`together`](Self::together), it shares them
/// with its neighbours too, and keeps theirs in memory: up to [`BLOCK`](Self::BLOCK) bytes.
/// Whoever keeps a few of many for long keeps them [`detached`](Self::detached).
///
/// It is `Send` and `Sync` wherever the target has atomic pointers.
#[derive(Clone)]
pub struct OwnedEvent {
    block: Block,
    /// In the block; the others are in the message.
    message: Part,
    name: Part,
    /// Nowhere if there is none.
    data: Part,
    timestamp: Option<Timestamp>,
}

impl OwnedEvent {
    /// So many bytes at most are shared by events that came together. A longer event has its bytes
    /// for itself.
    pub const BLOCK: usize = 4096;

    /// Events with bytes of their own. Neighbours in the `input` that they are borrowed from, with
    /// nothing but a line end between them, share these bytes, in blocks of up to
    /// [`BLOCK`](Self::BLOCK): a block is allocated, copied and looked through once.
    ///
    /// An event that is borrowed from elsewhere gets bytes for itself.
    ///
    /// ```
    /// use qmp_proto::{Client, Options, OwnedEvent, Received};
    ///
    /// let mut client: Client<()> = Client::negotiated(Options::monitor(), 7);
    /// let input = b"{\"event\": \"STOP\"}\r\n{\"event\": \"RESUME\"}\r\n";
    /// let (mut used, mut events) = (0, Vec::new());
    /// while let step = client.handle_input(&input[used..])? {
    ///     used += step.used;
    ///     match step.received {
    ///         Some(Received::Event(event)) => events.push(event),
    ///         Some(_) => {}
    ///         None => break,
    ///     }
    /// }
    /// let owned: Vec<OwnedEvent> = OwnedEvent::together(input, &events).collect();
    /// assert_eq!(owned[1].name(), "RESUME");
    /// # Ok::<(), qmp_proto::ProtocolError>(())
    /// ```
    pub fn together<'e>(
        input: &'e [u8],
        events: &'e [Event<'_>],
    ) -> impl Iterator<Item = Self> + 'e {
        let mut rest = events;
        // The block that is being used up, where it begins in the input, and for how many events.
        let mut block: Option<(Block, usize, usize)> = None;
        core::iter::from_fn(move || {
            let (event, behind) = rest.split_first()?;
            let Some(at) = offset(input, event.message()) else {
                rest = behind;
                return Some(event.into_owned());
            };
            let (shared, start, left) = match block.take() {
                Some(block) => block,
                None => {
                    let (end, count) = run(input, at, rest);
                    (Block::copy(&input[at..end]), at, count)
                }
            };
            rest = behind;
            if left > 1 {
                block = Some((shared.clone(), start, left - 1));
            }
            Some(event.in_block(shared, at - start))
        })
    }

    /// The event with bytes that it shares with no other event: what to keep of a few among many.
    pub fn detached(&self) -> Self {
        if self.message.length() == self.block.bytes().len() {
            return self.clone();
        }
        Self {
            block: Block::copy(self.message()),
            message: Part::new(0, self.message.length()),
            ..*self
        }
    }

    /// The event, borrowed from this.
    pub fn as_event(&self) -> Event<'_> {
        let message = self.block.get(self.message);
        let data = (self.data.length() > 0).then(|| self.data.range());
        Event {
            name: message.get(self.name.range()),
            timestamp: self.timestamp,
            message,
            data: data.map(|data| Body { message, start: data.start, end: data.end }),
        }
    }

    /// Its name, `STOP` or `DEVICE_DELETED` say.
    pub fn name(&self) -> &str {
        self.block.get(self.name.behind(self.message.start)).text().unwrap_or_default()
    }

    /// When it was made, if the server says so. Every QEMU does.
    pub const fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// What it carries: absent for events that carry nothing, such as `STOP`.
    ///
    /// # Errors
    ///
    /// If the server sent something that is no JSON there.
    pub fn data(&self) -> Result<Option<Json<'_>>, JsonError> {
        self.as_event().data()
    }

    /// The whole message, unchecked, without the line end.
    pub fn message(&self) -> &[u8] {
        self.block.bytes().get(self.message.range()).unwrap_or_default()
    }
}

impl Event<'_> {
    /// The event with bytes of its own.
    pub fn into_owned(self) -> OwnedEvent {
        self.in_block(Block::copy(self.message()), 0)
    }

    /// The same event where it stands in a copy.
    fn in_block(&self, block: Block, start: usize) -> OwnedEvent {
        let message = self.message();
        let name = self.name.bytes();
        let data = self.data.as_ref();
        OwnedEvent {
            block,
            message: Part::new(start, message.len()),
            name: Part::new(offset(message, name).unwrap_or_default(), name.len()),
            data: data.map_or(Part::NOWHERE, |data| Part::new(data.start, data.end - data.start)),
            timestamp: self.timestamp,
        }
    }
}

/// Where a part begins in the whole.
fn offset(whole: &[u8], part: &[u8]) -> Option<usize> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    (start.checked_add(part.len())? <= whole.len()).then_some(start)
}

/// How far a block reaches that begins with the first of these events, and how many are in it.
fn run(input: &[u8], start: usize, events: &[Event<'_>]) -> (usize, usize) {
    let (mut end, mut count) = (start, 0);
    for event in events {
        let Some(at) = offset(input, event.message()) else { break };
        let ends = at + event.message().len();
        let is_next = at >= end && at - end <= LINE_END && ends - start <= OwnedEvent::BLOCK;
        if count > 0 && !is_next {
            break;
        }
        (end, count) = (ends, count + 1);
    }
    (end, count)
}

/// The bytes of some events, and what is known of them.
#[derive(Clone)]
enum Block {
    Text(Shared<str>),
    /// One of them is no UTF-8: each is looked at again when it is read.
    Bytes(Shared<[u8]>),
}

impl Block {
    fn copy(bytes: &[u8]) -> Self {
        match core::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.into()),
            Err(_) => Self::Bytes(bytes.into()),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    fn get(&self, part: Part) -> Utf8<'_> {
        match self {
            Self::Text(text) => Utf8::Known(text),
            Self::Bytes(bytes) => Utf8::Unknown(bytes),
        }
        .get(part.range())
    }
}

/// Where something stands. No message that is accepted is longer than this can tell.
#[derive(Clone, Copy)]
struct Part {
    start: u32,
    end: u32,
}

impl Part {
    const NOWHERE: Self = Self { start: 0, end: 0 };

    fn new(start: usize, length: usize) -> Self {
        let short = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { start: short(start), end: short(start + length) }
    }

    const fn behind(self, start: u32) -> Self {
        Self { start: self.start + start, end: self.end + start }
    }

    const fn length(self) -> usize {
        (self.end - self.start) as usize
    }

    const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl fmt::Debug for OwnedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "OwnedEvent", self.message())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::json::MAX_DEPTH;
    use crate::message::Message;
    use crate::wire::{route, split};

    fn event(line: &[u8]) -> Event<'_> {
        let message = route(line).map_or_else(|| split(line, MAX_DEPTH), Ok);
        let Ok(Message::Event(event)) = message else { panic!("{message:?}") };
        event
    }

    #[test]
    fn an_event_keeps_its_parts() {
        let line = br#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "A_B", "data": {"x": 1}}"#;
        for message in [route(line).unwrap(), split(line, MAX_DEPTH).unwrap()] {
            let Message::Event(event) = message else { panic!() };
            let owned = event.into_owned();
            assert_eq!(owned.name(), "A_B");
            assert_eq!(owned.timestamp(), Some(Timestamp::new(1, 2)));
            assert_eq!(owned.data().unwrap().unwrap().as_str(), r#"{"x": 1}"#);
            assert_eq!(owned.as_event().name(), "A_B");
            assert_eq!(owned.message(), line);
            assert_eq!(owned.detached().message(), line);
        }
    }

    fn input(lines: &[&[u8]]) -> Vec<u8> {
        lines.concat()
    }

    /// The events in it, of lines that end in CRLF.
    fn events(input: &[u8]) -> Vec<Event<'_>> {
        let lines = input.split(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\r"));
        lines.filter(|line| line.starts_with(b"{\"event\"")).map(event).collect()
    }

    fn share(one: &OwnedEvent, other: &OwnedEvent) -> bool {
        let pointer = |event: &OwnedEvent| event.block.bytes().as_ptr();
        pointer(one) == pointer(other)
    }

    #[test]
    fn neighbours_share_a_block_and_others_do_not() {
        let input = input(&[
            b"{\"event\": \"A\", \"data\": {\"a\": 1}}\r\n",
            b"{\"event\": \"B\", \"data\": {\"b\": 2}}\r\n",
            b"{\"return\": {}}\r\n",
            b"{\"event\": \"C\"}\r\n",
        ]);
        let events = events(&input);
        let elsewhere = event(b"{\"event\": \"D\", \"data\": {\"d\": 4}}");
        let all = [events[0], events[1], elsewhere, events[2]];
        let owned: Vec<_> = OwnedEvent::together(&input, &all).collect();
        for (owned, event) in owned.iter().zip(all) {
            assert_eq!(owned.name(), event.name());
            assert_eq!(owned.message(), event.message());
            let data = |data: Option<Json<'_>>| {
                data.map(|data| alloc::string::String::from(data.as_str()))
            };
            assert_eq!(data(owned.data().unwrap()), data(event.data().unwrap()));
        }
        assert!(share(&owned[0], &owned[1]) && share(&owned[0], &owned[0].clone()));
        assert!(!share(&owned[1], &owned[2]) && !share(&owned[1], &owned[3]));
        let alone = owned[1].detached();
        assert!(!share(&alone, &owned[1]) && share(&alone, &alone.detached()));
        assert_eq!((alone.name(), alone.message()), ("B", all[1].message()));
        assert_eq!(alone.data().unwrap().unwrap().as_str(), "{\"b\": 2}");
        assert_eq!(OwnedEvent::together(b"", &[]).count(), 0);
    }

    #[test]
    fn a_block_holds_no_more_than_it_says() {
        let line = |name: &str| alloc::format!("{{\"event\": \"{name}\"}}\r\n");
        let long = line(&"X".repeat(2 * OwnedEvent::BLOCK));
        let text = line("SHORT").repeat(500) + &long + &line("SHORT").repeat(500);
        let events = events(text.as_bytes());
        let mut shared = 0;
        let mut last: Option<OwnedEvent> = None;
        for (owned, event) in OwnedEvent::together(text.as_bytes(), &events).zip(&events) {
            assert_eq!(owned.message(), event.message());
            assert!(owned.block.bytes().len() <= OwnedEvent::BLOCK.max(owned.message().len()));
            shared += usize::from(last.is_some_and(|last| share(&last, &owned)));
            last = Some(owned);
        }
        assert!(shared > 950, "{shared}");
    }

    #[test]
    fn an_event_that_is_no_text_harms_no_neighbour() {
        let line = b"{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"BAD\", \"data\": \"\xFF\"}\r\n";
        let input = input(&[line, b"{\"event\": \"B\", \"data\": {\"b\": 2}}\r\n"]);
        let events = [event(&input[..line.len() - 2]), event(&input[line.len()..input.len() - 2])];
        let owned: Vec<_> = OwnedEvent::together(&input, &events).collect();
        assert!(share(&owned[0], &owned[1]));
        assert_eq!((owned[0].name(), owned[1].name()), ("BAD", "B"));
        assert_eq!(owned[0].message(), &line[..line.len() - 2]);
        owned[0].data().unwrap_err();
        assert_eq!(owned[1].data().unwrap().unwrap().as_str(), "{\"b\": 2}");
    }
}
