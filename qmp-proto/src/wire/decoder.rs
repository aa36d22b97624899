//! Where messages begin and end in a stream, without an option that says how.
//!
//! A QMP monitor ends messages with CRLF and the agent with LF, but `pretty=on` spreads one message
//! over many lines and nothing promises a line end. So the first message ends where its brackets
//! balance, and the byte after it decides: a line end, and none inside it, means lines, found by
//! memchr from then on; anything else means that brackets go on being counted. A line that is not
//! one whole object is counted too. The agent always sends lines.

use memchr::{memchr, memchr2};

use crate::json::{JsonError, JsonFlaw, MAX_DEPTH, trim_blanks_end, trim_blanks_start};
use crate::message::Message;
use crate::wire::balance::{Balance, Balanced};
use crate::wire::{Malformed, MalformedReason, Unsplit, may_be_routed, route, split};

/// How much of a malformed message is shown.
const SHOWN: usize = 256;

/// The byte an agent sends before the answer to `guest-sync-delimited`.
pub(crate) const SENTINEL: u8 = 0xFF;

/// What was found in the input.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'b> {
    Message(Message<'b>),
    Malformed(Malformed<'b>),
    /// The agent's mark; whatever stood before it on its line is void.
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
    framing: Framing,
    /// How much of the input that will be presented again has been searched for a line end.
    searched: usize,
    /// Something is being skipped until the next line end.
    skipping: bool,
}

#[derive(Clone, Debug)]
enum Framing {
    /// The agent's: lines, and a sentinel anywhere.
    AgentLines,
    Lines,
    /// Brackets are counted. `decided` once a message was not alone on its line.
    Brackets {
        balance: Balance,
        decided: bool,
    },
    /// A message has just ended by its brackets; the next byte decides.
    After {
        line_end_inside: bool,
    },
}

impl Decoder {
    pub(crate) const fn monitor(bounds: Bounds) -> Self {
        let framing = Framing::Brackets { balance: Balance::new(), decided: false };
        Self { bounds, framing, searched: 0, skipping: false }
    }

    pub(crate) const fn agent(bounds: Bounds) -> Self {
        Self { bounds, framing: Framing::AgentLines, searched: 0, skipping: false }
    }

    /// Whether part of a message was seen and not used.
    pub(crate) fn inside_message(&self) -> bool {
        match &self.framing {
            Framing::Brackets { balance, .. } => balance.started() || self.searched > 0,
            _ => self.searched > 0,
        }
    }

    /// Looks for the next thing in the input; bytes not used must come again, with more after them.
    pub(crate) fn decode<'b>(&mut self, input: &'b [u8]) -> Decoded<'b> {
        if let Some(decoded) = self.usual_line(input) {
            return decoded;
        }
        let mut rest = input;
        loop {
            if self.skipping {
                let Some(end) = self.find_end(rest) else {
                    return Decoded { used: input.len(), found: None };
                };
                rest = rest.get(end..).unwrap_or_default();
                self.skipping = false;
            }
            match &mut self.framing {
                Framing::After { line_end_inside } => match rest {
                    [] => {
                        return Decoded { used: input.len(), found: None };
                    }
                    [b' ' | b'\t' | b'\r', after @ ..] => rest = after,
                    [b'\n', after @ ..] if !*line_end_inside => {
                        rest = after;
                        self.framing = Framing::Lines;
                    }
                    _ => self.count_brackets(true),
                },
                _ => {
                    rest = trim_blanks_start(rest);
                    let searched = core::mem::take(&mut self.searched).min(rest.len());
                    let step = match &self.framing {
                        Framing::AgentLines => self.agent_line(rest, searched),
                        Framing::Lines => self.line(rest, searched),
                        _ => self.object(rest),
                    };
                    let before = input.len() - rest.len();
                    match step {
                        Next::Again => {}
                        Next::More => {
                            return Decoded { used: before, found: None };
                        }
                        Next::Found { used, found } => {
                            return Decoded { used: before + used, found: Some(found) };
                        }
                    }
                }
            }
        }
    }

    /// A whole line in one of the known shapes, as nearly all are.
    fn usual_line<'b>(&self, input: &'b [u8]) -> Option<Decoded<'b>> {
        let lines = matches!(self.framing, Framing::Lines) && !self.skipping;
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
        self.framing = Framing::Brackets { balance: Balance::new(), decided };
        self.searched = 0;
    }

    /// Where skipping ends: after a line end, or before a sentinel.
    fn find_end(&self, input: &[u8]) -> Option<usize> {
        match self.framing {
            Framing::AgentLines => memchr2(b'\n', SENTINEL, input),
            _ => memchr(b'\n', input),
        }
    }

    fn line<'b>(&mut self, input: &'b [u8], searched: usize) -> Next<'b> {
        let unsearched = input.get(searched..).unwrap_or_default();
        let Some(end) = memchr(b'\n', unsearched).map(|end| searched + end) else {
            return self.wait_for_more(input);
        };
        if end > self.bounds.length {
            return Next::found(end + 1, Found::TooLong);
        }
        let line = trim_blanks_end(first(input, end));
        let found = match split_line(line, self.bounds.depth) {
            Ok(message) => Found::Message(message),
            // The beginning of a message over several lines, or several on one.
            Err(Unsplit::Json(error))
                if matches!(error.flaw(), JsonFlaw::Incomplete | JsonFlaw::Trailing)
                    && line.starts_with(b"{") =>
            {
                self.count_brackets(false);
                return Next::Again;
            }
            Err(unsplit) => self.unsplit(line, unsplit),
        };
        Next::found(end + 1, found)
    }

    fn agent_line<'b>(&mut self, input: &'b [u8], searched: usize) -> Next<'b> {
        let unsearched = input.get(searched..).unwrap_or_default();
        let Some(end) = memchr2(b'\n', SENTINEL, unsearched).map(|end| searched + end) else {
            return self.wait_for_more(input);
        };
        let sentinel = input.get(end) == Some(&SENTINEL);
        if end > self.bounds.length {
            return Next::found(end + usize::from(!sentinel), Found::TooLong);
        }
        let line = trim_blanks_end(first(input, end));
        if sentinel {
            // A reply of somebody else that was cut short is void without a word.
            return if line.is_empty() || line.starts_with(b"{") {
                Next::found(end + 1, Found::Sentinel)
            } else {
                Next::found(end, garbage(line))
            };
        }
        let found = match split_line(line, self.bounds.depth) {
            Ok(message) => Found::Message(message),
            Err(unsplit) => self.unsplit(line, unsplit),
        };
        Next::found(end + 1, found)
    }

    fn object<'b>(&mut self, input: &'b [u8]) -> Next<'b> {
        let Framing::Brackets { balance, decided } = &mut self.framing else {
            return Next::Again;
        };
        match input.first() {
            None => return Next::More,
            Some(b'{') => {}
            Some(_) => return self.garbage_line(input),
        }
        let within = first(input, self.bounds.length);
        match balance.follow(within, self.bounds.depth) {
            Balanced::Open if within.len() < input.len() => {
                self.count_brackets(false);
                self.skipping = true;
                Next::found(within.len(), Found::TooLong)
            }
            Balanced::Open => Next::More,
            Balanced::Ends { at } => {
                let line_end_inside = balance.has_line_end();
                self.framing = Framing::After { line_end_inside };
                let object = first(input, at);
                let found = match split_line(object, self.bounds.depth) {
                    Ok(message) => Found::Message(message),
                    Err(unsplit) => self.unsplit(object, unsplit),
                };
                Next::found(at, found)
            }
            Balanced::Broken { at, flaw } => {
                let found = match flaw {
                    JsonFlaw::TooDeep { .. } => Found::TooDeep,
                    _ if *decided || balance.has_line_end() => Found::FramingLost,
                    _ => Found::Malformed(Malformed {
                        bytes: shown(first(input, at + 1)),
                        reason: MalformedReason::Json(JsonError::new(flaw, at)),
                    }),
                };
                self.count_brackets(false);
                self.skipping = true;
                Next::found(at, found)
            }
        }
    }

    /// Shows what stands outside any object, up to the line end.
    fn garbage_line<'b>(&mut self, input: &'b [u8]) -> Next<'b> {
        let head = shown(input);
        match memchr(b'\n', head) {
            Some(end) => Next::found(end, garbage(trim_blanks_end(first(head, end)))),
            None if head.len() == SHOWN => {
                self.skipping = true;
                Next::found(head.len(), garbage(head))
            }
            None => {
                self.searched = head.len();
                Next::More
            }
        }
    }

    fn wait_for_more<'b>(&mut self, input: &'b [u8]) -> Next<'b> {
        if input.len() > self.bounds.length {
            self.skipping = true;
            return Next::found(input.len(), Found::TooLong);
        }
        self.searched = input.len();
        Next::More
    }

    fn unsplit<'b>(&self, text: &'b [u8], unsplit: Unsplit) -> Found<'b> {
        let reason = match unsplit {
            Unsplit::Json(error) if matches!(error.flaw(), JsonFlaw::TooDeep { .. }) => {
                return Found::TooDeep;
            }
            Unsplit::Json(_) if !text.starts_with(b"{") => MalformedReason::Garbage,
            Unsplit::Json(error) => MalformedReason::Json(error),
            Unsplit::Unknown => MalformedReason::UnknownMessage,
        };
        Found::Malformed(Malformed { bytes: shown(text), reason })
    }
}

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

fn split_line(line: &[u8], depth: usize) -> Result<Message<'_>, Unsplit> {
    match route(line) {
        Some(message) => Ok(message),
        None => split(line, depth.min(MAX_DEPTH)),
    }
}

fn garbage(bytes: &[u8]) -> Found<'_> {
    Found::Malformed(Malformed { bytes: shown(bytes), reason: MalformedReason::Garbage })
}

fn shown(bytes: &[u8]) -> &[u8] {
    first(bytes, SHOWN)
}

/// The first `count` bytes, or all if there are fewer.
fn first(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(..count).unwrap_or(bytes)
}
