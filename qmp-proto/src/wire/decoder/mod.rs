//! Where messages begin and end in a stream, without an option that says how.
//!
//! A monitor of QEMU ends messages with CRLF and the agent with LF, but `pretty=on` spreads one
//! message over many lines, and other servers put several on a line or no line ends at all. So a
//! message ends where its brackets balance, whatever came before. Counting them is slow, so whole
//! lines in QEMU's own shapes are recognised by their two ends, and proved to be one object
//! ([`route`](crate::wire::route)).
//!
//! The byte behind the first message decides how the next ones are looked for: a line end, and none
//! inside the message, means lines, which `memchr` finds; anything else means that brackets are
//! counted. Either way the same messages are found. What differs is where the next message is looked
//! for behind one that is not JSON.

mod lines;
mod objects;

use memchr::{memchr, memchr2};

use crate::json::{JsonErrorKind, MAX_DEPTH, trim_blanks_start};
use crate::message::Message;
use crate::wire::balance::Balance;
use crate::wire::braces::Braces;
use crate::wire::route::{may_be_routed, route, route_followed};
use crate::wire::{Malformed, MalformedReason, Unsplit, split};

/// How much of a malformed message is shown.
const SHOWN: usize = 256;

/// The byte an agent sends before the answer to `guest-sync-delimited`.
pub(crate) const SENTINEL: u8 = 0xFF;

/// What was found in the input.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'b> {
    Message(Message<'b>),
    Malformed(Malformed<'b>),
    /// The agent's sentinel; an incomplete message before it is void.
    Sentinel,
    /// A message longer than the limit; it is skipped to the next line end.
    TooLong,
    /// An object deeper than the limit; it is skipped to the next line end.
    TooDeep,
    /// An object that breaks off while brackets are counted: where the next message begins can no
    /// longer be told. Skipping to the next line end is a guess.
    FramingLost,
}

/// How much of the input is done with, and what was found in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoded<'b> {
    pub(crate) used: usize,
    pub(crate) found: Option<Found<'b>>,
}

/// What one message may measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) length: usize,
    pub(crate) depth: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Decoder {
    bounds: Bounds,
    /// Whether the server is an agent: a sentinel may be anywhere.
    agent: bool,
    framing: Framing,
    /// Follows the object that the input begins with: where brackets are counted, and where a line
    /// has no end yet.
    balance: Balance,
    /// Follows the same object where it is a long line.
    braces: Braces,
    /// How much of the input that will be presented again has been searched for a line end.
    searched: usize,
    /// Something is being skipped until the next line end.
    skipping: bool,
}

#[derive(Clone, Copy, Debug)]
enum Framing {
    Lines,
    /// Brackets are counted. `decided` once a message was not alone on its line.
    Brackets {
        decided: bool,
    },
    /// A message has just ended by its brackets; the next byte decides.
    After {
        line_feed_inside: bool,
    },
}

/// What became of the bytes at the beginning of the input.
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
        let (balance, braces) = (Balance::new(), Braces::new());
        Self { bounds, agent, framing, balance, braces, searched: 0, skipping: false }
    }

    /// Whether part of a message was seen and not used.
    pub(crate) const fn inside_message(&self) -> bool {
        self.balance.at() > 0 || self.searched > 0
    }

    /// Looks for the next thing in the input; bytes not used must come again, with more after them.
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

    /// A whole line in one of the known shapes, as nearly all are.
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

    /// What comes next is another message.
    fn begin(&mut self) {
        if self.balance.at() > 0 {
            self.balance = Balance::new();
        }
        self.braces = Braces::new();
        self.searched = 0;
    }

    /// Where a line ends: at a line feed, or at a sentinel.
    fn line_end(&self, input: &[u8]) -> Option<usize> {
        if self.agent { memchr2(b'\n', SENTINEL, input) } else { memchr(b'\n', input) }
    }

    /// What a text is that ends where a message does, by its line or by its brackets.
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

/// The first `count` bytes, or all if there are fewer.
fn first(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(..count).unwrap_or(bytes)
}
