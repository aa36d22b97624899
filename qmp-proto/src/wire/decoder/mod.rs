//! Finding the start and end of messages in a stream, without an option for the format.
//!
//! QEMU's monitor ends messages with CRLF and the agent with LF, but with `pretty=on` one message
//! has many lines, and other servers put several messages on a line or send no line ends. So a
//! message ends where its brackets balance. Counting brackets is slow, so complete lines in QEMU's
//! own format are recognised by their two ends, and proved to be one object
//! ([`route`](crate::wire::route)).
//!
//! The byte after the first message determines how the next ones are searched: after a line end,
//! and without one inside the message, as lines, which `memchr` finds; otherwise by counting
//! brackets. Both find the same messages. They differ in where the next message is searched after
//! one that is not JSON.

mod lines;
mod objects;

use memchr::{memchr, memchr2};

use crate::json::{JsonErrorKind, MAX_DEPTH, trim_blanks_start};
use crate::message::Message;
use crate::wire::balance::Balance;
use crate::wire::braces::Braces;
use crate::wire::route::{may_be_routed, route, route_followed};
use crate::wire::{Malformed, MalformedReason, Unsplit, split};

/// The maximum number of bytes of a malformed message that are shown.
const SHOWN: usize = 256;

/// The byte that an agent sends before the reply to `guest-sync-delimited`.
pub(crate) const SENTINEL: u8 = 0xFF;

/// A message or an error in the input.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'b> {
    Message(Message<'b>),
    Malformed(Malformed<'b>),
    /// The agent's sentinel. An incomplete message before it is discarded.
    Sentinel,
    /// A message over the length limit. It is skipped to the next line end.
    TooLong,
    /// An object over the depth limit. It is skipped to the next line end.
    TooDeep,
    /// An invalid object while brackets are counted: the start of the next message is unknown.
    /// Skipping to the next line end is a guess.
    FramingLost,
}

/// The number of bytes used, and what was found in them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoded<'b> {
    pub(crate) used: usize,
    pub(crate) found: Option<Found<'b>>,
}

/// The limits of one message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) length: usize,
    pub(crate) depth: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Decoder {
    bounds: Bounds,
    /// Whether the server is an agent, which can send a sentinel at any time.
    agent: bool,
    framing: Framing,
    /// Follows the object at the start of the input, while brackets are counted or its line is
    /// incomplete.
    balance: Balance,
    /// Follows the same object in a long line.
    braces: Braces,
    /// The number of bytes of the input that will be passed again that were searched for a line
    /// end.
    searched: usize,
    /// Whether the input is skipped to the next line end.
    skipping: bool,
}

#[derive(Clone, Copy, Debug)]
enum Framing {
    Lines,
    /// Brackets are counted. `decided` after a message that was not alone on its line.
    Brackets {
        decided: bool,
    },
    /// The brackets of a message have just balanced. The next byte determines the framing.
    After {
        line_feed_inside: bool,
    },
}

/// The next step of decoding.
enum Next<'b> {
    Again,
    More,
    Found { used: usize, found: Found<'b> },
}

impl<'b> Next<'b> {
    const fn found(used: usize, found: Found<'b>) -> Self {
        Self::Found { used, found }
    }
}

impl Decoder {
    pub(crate) const fn monitor(bounds: Bounds) -> Self {
        Self::new(bounds, false, Framing::Brackets { decided: false })
    }

    pub(crate) const fn agent(bounds: Bounds) -> Self {
        Self::new(bounds, true, Framing::Lines)
    }

    const fn new(bounds: Bounds, agent: bool, framing: Framing) -> Self {
        Self {
            bounds,
            agent,
            framing,
            balance: Balance::new(),
            braces: Braces::new(),
            searched: 0,
            skipping: false,
        }
    }

    /// Returns whether the input ends inside a message.
    pub(crate) const fn inside_message(&self) -> bool {
        self.balance.at() > 0 || self.searched > 0
    }

    /// Finds the next message or error in the input. The bytes that were not used have to be passed
    /// again, followed by more.
    pub(crate) fn decode<'b>(&mut self, input: &'b [u8]) -> Decoded<'b> {
        if let Some(decoded) = self.usual_line(input) {
            return decoded;
        }
        let mut rest = input;
        loop {
            if self.skipping {
                let Some(end) = self.line_end(rest) else {
                    return Decoded { used: input.len(), found: None };
                };
                rest = rest.get(end..).unwrap_or_default();
                self.skipping = false;
            }
            if let Framing::After { line_feed_inside } = self.framing {
                match rest {
                    [] => return Decoded { used: input.len(), found: None },
                    [b' ' | b'\t' | b'\r', after @ ..] => rest = after,
                    [b'\n', after @ ..] if self.agent || !line_feed_inside => {
                        rest = after;
                        self.framing = Framing::Lines;
                    }
                    [SENTINEL, ..] if self.agent => self.framing = Framing::Lines,
                    _ => self.count_brackets(true),
                }
                continue;
            }
            rest = trim_blanks_start(rest);
            let searched = core::mem::take(&mut self.searched).min(rest.len());
            let next = match self.framing {
                Framing::Brackets { decided } => self.object(rest, decided),
                _ => self.line(rest, searched),
            };
            let before = input.len() - rest.len();
            match next {
                Next::Again => {}
                Next::More => return Decoded { used: before, found: None },
                Next::Found { used, found } => {
                    return Decoded { used: before + used, found: Some(found) };
                }
            }
        }
    }

    /// Decodes a complete line in one of QEMU's formats, as most lines are.
    fn usual_line<'b>(&self, input: &'b [u8]) -> Option<Decoded<'b>> {
        let lines = matches!(self.framing, Framing::Lines) && !self.agent && !self.skipping;
        if !lines || self.searched > 0 || !may_be_routed(input) {
            return None;
        }
        let end = memchr(b'\n', input).filter(|&end| end <= self.bounds.length)?;
        let line = first(input, end);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let found = Some(Found::Message(route(line)?));
        Some(Decoded { used: end + 1, found })
    }

    fn count_brackets(&mut self, decided: bool) {
        self.framing = Framing::Brackets { decided };
        self.begin();
    }

    /// Starts another message.
    fn begin(&mut self) {
        if self.balance.at() > 0 {
            self.balance = Balance::new();
        }
        self.braces = Braces::new();
        self.searched = 0;
    }

    /// Returns the end of a line: a line feed or a sentinel.
    fn line_end(&self, input: &[u8]) -> Option<usize> {
        if self.agent { memchr2(b'\n', SENTINEL, input) } else { memchr(b'\n', input) }
    }

    /// Decodes a complete message.
    fn whole<'b>(&mut self, text: &'b [u8]) -> Result<Message<'b>, Unsplit> {
        match route_followed(text, &mut self.braces) {
            Some(message) => Ok(message),
            None => split(text, self.bounds.depth.min(MAX_DEPTH)),
        }
    }

    fn unsplit<'b>(text: &'b [u8], unsplit: Unsplit) -> Found<'b> {
        let reason = match unsplit {
            Unsplit::Json(error) if matches!(error.kind(), JsonErrorKind::TooDeep { .. }) => {
                return Found::TooDeep;
            }
            Unsplit::Json(_) if !text.starts_with(b"{") => MalformedReason::Garbage,
            Unsplit::Json(error) => MalformedReason::Json(error),
            Unsplit::Unknown => MalformedReason::UnknownMessage,
        };
        malformed(text, reason)
    }
}

fn malformed(bytes: &[u8], reason: MalformedReason) -> Found<'_> {
    Found::Malformed(Malformed { bytes: first(bytes, SHOWN), reason })
}

/// Returns the first `count` bytes, or all if there are fewer.
fn first(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(..count).unwrap_or(bytes)
}
