//! Events that own their bytes, each by itself or in shared blocks.

use alloc::boxed::Box;
// Targets without atomic pointers have no threads to share an event with.
#[cfg(not(target_has_atomic = "ptr"))]
use alloc::rc::Rc as Shared;
#[cfg(target_has_atomic = "ptr")]
use alloc::sync::Arc as Shared;
use alloc::vec::Vec;
use core::fmt;
use core::iter::{from_fn, repeat_n};
use core::ops::Range;
use core::str::Utf8Error;

use crate::message::{Body, BodyError, Event, RawJson, Timestamp, show};

/// The length of the longest line end, which may separate events of one block.
const LINE_END: usize = 2;

/// An event that owns its bytes, for queues and other threads, and is decoded on request.
///
/// It has the size of two pointers and is cheap to clone. Events created by
/// [`together`](Self::together) share a block of memory with their neighbours: up to
/// [`BLOCK`](Self::BLOCK) bytes of messages, and 48 bytes for each event, which are freed with the
/// last of them. Call [`detached`](Self::detached) on events that you retain.
///
/// It is `Send` and `Sync` wherever the target has atomic pointers.
#[derive(Clone)]
pub struct OwnedEvent {
    block: Shared<Block>,
    /// The index in the block.
    at: usize,
}

/// The shared memory of adjacent events.
struct Block {
    bytes: Bytes,
    /// The position of the block in the stream.
    origin: u64,
    first: Place,
    others: Vec<Place>,
}

/// The bytes of a block.
enum Bytes {
    Text(Box<str>),
    /// The bytes of one event, or of several that are not all UTF-8. A part is validated when it is
    /// read.
    Unchecked(Box<[u8]>),
}

/// The position of an event in its block.
struct Place {
    message: Part,
    name: Part,
    /// The range in the message, or `NOWHERE`.
    data: Part,
    timestamp: Option<Timestamp>,
}

/// A range of bytes. The length limit of messages fits into `u32`.
#[derive(Clone, Copy)]
struct Part {
    start: u32,
    end: u32,
}

impl OwnedEvent {
    /// The maximum length of a block that events share. A longer event has its own block.
    pub const BLOCK: usize = 4096;

    /// Copies events. Adjacent events of the `input` that they borrow from, separated by a line
    /// end, share blocks of up to [`BLOCK`](Self::BLOCK) bytes: a block is allocated, copied and
    /// validated once.
    ///
    /// An event that borrows from elsewhere gets its own block.
    ///
    /// `origin` is the position of `input` in the stream, for
    /// [`stream_position`](Self::stream_position).
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
    /// let owned: Vec<OwnedEvent> = OwnedEvent::together(input, 0, &events).collect();
    /// assert_eq!(owned[1].name(), "RESUME");
    /// # Ok::<(), qmp_proto::ProtocolError>(())
    /// ```
    pub fn together<'e>(
        input: &'e [u8],
        origin: u64,
        events: &'e [Event<'_>],
    ) -> impl Iterator<Item = Self> + 'e {
        let mut rest = events;
        let blocks = from_fn(move || {
            let (first, behind) = rest.split_first()?;
            let (bytes, count) = run(input, first, behind);
            let others;
            (others, rest) = behind.split_at(count);
            let start = offset(input, bytes).unwrap_or_default();
            let origin = origin + start as u64;
            let block = match others {
                [] => Block::alone(first, origin),
                others => Block::of(bytes, origin, first, others),
            };
            Some(repeat_n(Shared::new(block), 1 + count))
        });
        blocks.flat_map(|blocks| blocks.enumerate().map(|(at, block)| Self { block, at }))
    }

    /// Returns the event in a block of its own. Call this on events that you retain.
    pub fn detached(&self) -> Self {
        match self.block.others[..] {
            [] => self.clone(),
            _ => {
                let event = self.as_event();
                let origin = self.stream_position() - event.message().len() as u64;
                Self { block: Shared::new(Block::alone(&event, origin)), at: 0 }
            }
        }
    }

    /// Returns the position of the event's end in the server's stream.
    ///
    /// Positions give the order of events and replies of one connection on the wire. They start at
    /// 0 with each connection.
    pub fn stream_position(&self) -> u64 {
        self.block.origin + u64::from(self.place().message.end)
    }

    /// Returns the borrowed event.
    fn as_event(&self) -> Event<'_> {
        let place = self.place();
        let (message, name) = (self.message(), self.block.bytes(place.name));
        Event { name, timestamp: place.timestamp, message, data: place.body(message) }
    }

    /// Returns the name, such as `STOP` or `DEVICE_DELETED`.
    pub fn name(&self) -> &str {
        self.block.text(self.place().name).unwrap_or_default()
    }

    /// Returns the time of the event. All versions of QEMU send it; some other servers do not.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.place().timestamp
    }

    /// Returns the data, or `None` for events without data, such as `STOP`.
    ///
    /// # Errors
    ///
    /// If the data is not valid JSON.
    pub fn data(&self) -> Result<Option<RawJson<'_>>, BodyError> {
        self.body().map(|(body, text)| body.json_in(text)).transpose()
    }

    /// Returns the whole message, not validated, without the line end.
    pub fn message(&self) -> &[u8] {
        self.block.bytes(self.place().message)
    }

    /// Returns the data and its text.
    pub(crate) fn body(&self) -> Option<(Body<'_>, Result<&str, Utf8Error>)> {
        let place = self.place();
        let body = place.body(self.message())?;
        let start = place.message.start;
        let data = Part { start: place.data.start + start, end: place.data.end + start };
        Some((body, self.block.text(data)))
    }

    fn place(&self) -> &Place {
        let others = &self.block.others;
        self.at.checked_sub(1).and_then(|at| others.get(at)).unwrap_or(&self.block.first)
    }
}

impl Event<'_> {
    /// Copies the event.
    pub fn into_owned(self) -> OwnedEvent {
        OwnedEvent { block: Shared::new(Block::alone(&self, 0)), at: 0 }
    }
}

/// Returns the bytes of an event and of the following events that fit into its block, and the
/// number of these.
fn run<'b>(input: &'b [u8], first: &Event<'b>, behind: &[Event<'_>]) -> (&'b [u8], usize) {
    let Some(start) = offset(input, first.message()) else {
        return (first.message(), 0);
    };
    let (mut end, mut count) = (start + first.message().len(), 0);
    for event in behind {
        let Some(at) = offset(input, event.message()) else { break };
        let ends = at + event.message().len();
        if at < end || at - end > LINE_END || ends - start > OwnedEvent::BLOCK {
            break;
        }
        (end, count) = (ends, count + 1);
    }
    (&input[start..end], count)
}

/// Returns the position of a part in the whole.
pub(super) fn offset(whole: &[u8], part: &[u8]) -> Option<usize> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    (start.checked_add(part.len())? <= whole.len()).then_some(start)
}

impl Block {
    fn alone(event: &Event<'_>, origin: u64) -> Self {
        let bytes = event.message();
        let first = Place::of(event, bytes);
        Self { bytes: Bytes::Unchecked(bytes.into()), origin, first, others: Vec::new() }
    }

    /// Copies bytes and the events in them. Validating all bytes at once is faster than validating
    /// each name and data.
    fn of(bytes: &[u8], origin: u64, first: &Event<'_>, others: &[Event<'_>]) -> Self {
        let copy = match core::str::from_utf8(bytes) {
            Ok(text) => Bytes::Text(text.into()),
            Err(_) => Bytes::Unchecked(bytes.into()),
        };
        let place = |event| Place::of(event, bytes);
        let others = others.iter().map(place).collect();
        Self { bytes: copy, origin, first: place(first), others }
    }

    fn bytes(&self, part: Part) -> &[u8] {
        let bytes = match &self.bytes {
            Bytes::Text(text) => text.as_bytes(),
            Bytes::Unchecked(bytes) => bytes,
        };
        bytes.get(part.range()).unwrap_or_default()
    }

    fn text(&self, part: Part) -> Result<&str, Utf8Error> {
        match &self.bytes {
            Bytes::Text(text) => Ok(text.get(part.range()).unwrap_or_default()),
            Bytes::Unchecked(_) => core::str::from_utf8(self.bytes(part)),
        }
    }
}

impl Place {
    fn of(event: &Event<'_>, bytes: &[u8]) -> Self {
        let message = event.message();
        let data = event.data.as_ref();
        Self {
            message: Part::new(offset(bytes, message), message.len()),
            name: Part::new(offset(bytes, event.name), event.name.len()),
            data: data.map_or(Part::NOWHERE, |it| Part::new(Some(it.start), it.end - it.start)),
            timestamp: event.timestamp,
        }
    }

    fn body<'b>(&self, message: &'b [u8]) -> Option<Body<'b>> {
        let Range { start, end } = self.data.range();
        (start < end).then_some(Body { message, start, end })
    }
}

impl Part {
    const NOWHERE: Self = Self { start: 0, end: 0 };

    fn new(start: Option<usize>, length: usize) -> Self {
        let start = start.unwrap_or_default();
        let short = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { start: short(start), end: short(start + length) }
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
    fn an_owned_event_has_the_same_parts() {
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

    /// Returns the events in lines that end in CRLF.
    fn events(input: &[u8]) -> Vec<Event<'_>> {
        let lines = input.split(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\r"));
        lines.filter(|line| line.starts_with(b"{\"event\"")).map(event).collect()
    }

    fn length(event: &OwnedEvent) -> usize {
        match &event.block.bytes {
            Bytes::Text(text) => text.len(),
            Bytes::Unchecked(bytes) => bytes.len(),
        }
    }

    fn share(one: &OwnedEvent, other: &OwnedEvent) -> bool {
        let pointer = |event: &OwnedEvent| Shared::as_ptr(&event.block);
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
        let owned: Vec<_> = OwnedEvent::together(&input, 0, &all).collect();
        for (owned, event) in owned.iter().zip(all) {
            assert_eq!(owned.name(), event.name());
            assert_eq!(owned.message(), event.message());
            let data = |data: Option<RawJson<'_>>| {
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
        assert_eq!(OwnedEvent::together(b"", 0, &[]).count(), 0);
    }

    #[test]
    fn the_position_is_the_end_in_the_stream_and_stays_when_detached() {
        let input =
            input(&[b"{\"event\": \"A\"}\r\n", b"{\"event\": \"B\"}\r\n", b"{\"return\": {}}\r\n"]);
        let events = events(&input);
        let owned: Vec<_> = OwnedEvent::together(&input, 1000, &events).collect();
        let positions = |events: &[OwnedEvent]| -> Vec<_> {
            events.iter().map(OwnedEvent::stream_position).collect()
        };
        assert_eq!(positions(&owned), [1014, 1030]);
        let detached: Vec<_> = owned.iter().map(OwnedEvent::detached).collect();
        assert!(share(&owned[0], &owned[1]) && !share(&detached[0], &detached[1]));
        assert_eq!(positions(&detached), [1014, 1030]);
    }

    #[test]
    fn a_block_is_no_longer_than_the_maximum() {
        let line = |name: &str| alloc::format!("{{\"event\": \"{name}\"}}\r\n");
        let long = line(&"X".repeat(2 * OwnedEvent::BLOCK));
        let text = line("SHORT").repeat(500) + &long + &line("SHORT").repeat(500);
        let events = events(text.as_bytes());
        let mut shared = 0;
        let mut last: Option<OwnedEvent> = None;
        for (owned, event) in OwnedEvent::together(text.as_bytes(), 0, &events).zip(&events) {
            assert_eq!(owned.message(), event.message());
            assert!(length(&owned) <= OwnedEvent::BLOCK.max(owned.message().len()));
            shared += usize::from(last.is_some_and(|last| share(&last, &owned)));
            last = Some(owned);
        }
        assert!(shared > 950, "{shared}");
    }

    #[test]
    fn an_event_that_is_not_utf8_does_not_affect_its_neighbours() {
        let line = b"{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"BAD\", \"data\": \"\xFF\"}\r\n";
        let input = input(&[line, b"{\"event\": \"B\", \"data\": {\"b\": 2}}\r\n"]);
        let events = [event(&input[..line.len() - 2]), event(&input[line.len()..input.len() - 2])];
        let owned: Vec<_> = OwnedEvent::together(&input, 100, &events).collect();
        assert!(share(&owned[0], &owned[1]));
        assert_eq!((owned[0].name(), owned[1].name()), ("BAD", "B"));
        assert_eq!(owned[0].message(), &line[..line.len() - 2]);
        owned[0].data().unwrap_err();
        assert_eq!(owned[1].data().unwrap().unwrap().as_str(), "{\"b\": 2}");
    }
}
