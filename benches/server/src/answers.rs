//! The server's prepared messages.

use std::sync::OnceLock;

/// How many events are prepared; a flood repeats them. A multiple of the number of kinds.
const EVENTS: usize = 6_000;

/// The maximum length of a requested string.
const LONGEST: usize = 64 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Monitor,
    Agent,
}

pub(crate) struct Answers {
    schema: String,
    events: String,
    last_event: String,
    string: OnceLock<Vec<u8>>,
}

impl Answers {
    pub(crate) fn new() -> Self {
        Self {
            schema: bench_messages::schema(),
            events: bench_messages::events(EVENTS),
            last_event: bench_messages::last_event(),
            string: OnceLock::new(),
        }
    }

    /// Returns the reply to a command that is not one of the special ones.
    pub(crate) fn value(&self, name: &[u8]) -> &[u8] {
        match name {
            b"\"query-version\"" => bench_messages::VERSION.as_bytes(),
            b"\"query-qmp-schema\"" => self.schema.as_bytes(),
            _ => b"{}",
        }
    }

    /// Returns the content of a string of any length.
    pub(crate) fn string(&self, length: usize) -> &[u8] {
        let string = self.string.get_or_init(|| vec![b'a'; LONGEST]);
        &string[..length.min(LONGEST)]
    }

    /// Returns this number of events in pieces, and the last one.
    pub(crate) fn flood(&self, count: usize) -> impl Iterator<Item = &[u8]> {
        let whole = std::iter::repeat_n(self.events.as_bytes(), count / EVENTS);
        let rest = self.events.split_inclusive('\n').take(count % EVENTS);
        let rest = &self.events[..rest.map(str::len).sum()];
        whole.chain([rest.as_bytes(), self.last_event.as_bytes()])
    }
}
