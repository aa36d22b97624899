//! Messages that are found by counting brackets.

use memchr::memchr;

use super::{Decoder, Found, Framing, Next, SENTINEL, SHOWN, first, malformed};
use crate::json::{JsonError, JsonErrorKind, trim_blanks_end};
use crate::wire::MalformedReason;
use crate::wire::balance::Balanced;

impl Decoder {
    /// Decodes the object at the start of the input. `decided` if messages are not lines.
    pub(super) fn object<'b>(&mut self, input: &'b [u8], decided: bool) -> Next<'b> {
        match input.first() {
            None => return Next::More,
            Some(b'{') => {}
            Some(_) if self.agent => {
                self.begin();
                self.framing = Framing::Lines;
                return Next::Again;
            }
            Some(_) => return self.garbage_line(input),
        }
        let sentinel = self.sentinel(input);
        let before = sentinel.map_or(input, |at| first(input, at));
        let within = first(before, self.bounds.length);
        match self.balance.follow(within, self.bounds.depth) {
            Balanced::Open if within.len() < before.len() => {
                self.skip(within.len(), Found::TooLong)
            }
            Balanced::Open => match sentinel {
                // An incomplete reply to an earlier client is discarded.
                Some(at) => {
                    self.begin();
                    self.framing = Framing::Lines;
                    Next::found(at + 1, Found::Sentinel)
                }
                None => Next::More,
            },
            Balanced::Ends { at } => self.ended(input, at),
            Balanced::Broken { at, kind } => {
                let found = match kind {
                    JsonErrorKind::TooDeep { .. } => Found::TooDeep,
                    _ if decided || self.balance.has_line_feed() => Found::FramingLost,
                    _ => broken(first(input, at + 1), kind, at),
                };
                self.skip(at, found)
            }
            Balanced::CutOff { at } => {
                let cut = trim_blanks_end(first(input, at));
                self.begin();
                self.framing = Framing::Lines;
                Next::found(at, broken(cut, JsonErrorKind::Incomplete, cut.len()))
            }
        }
    }

    /// Returns the position of the first sentinel, in the stream of an agent. The bytes that were
    /// followed contain none.
    fn sentinel(&self, input: &[u8]) -> Option<usize> {
        if !self.agent {
            return None;
        }
        let followed = self.balance.at();
        let at = memchr(SENTINEL, input.get(followed..).unwrap_or_default())?;
        Some(followed + at)
    }

    /// Skips the bytes after `used`, up to the next line end.
    fn skip<'b>(&mut self, used: usize, found: Found<'b>) -> Next<'b> {
        self.count_brackets(false);
        self.skipping = true;
        Next::found(used, found)
    }

    /// Reports bytes outside of objects, up to the line end.
    fn garbage_line<'b>(&mut self, input: &'b [u8]) -> Next<'b> {
        let head = first(input, SHOWN);
        match memchr(b'\n', head) {
            Some(end) => {
                let line = trim_blanks_end(first(head, end));
                Next::found(end, malformed(line, MalformedReason::Garbage))
            }
            None if head.len() == SHOWN => {
                self.skipping = true;
                Next::found(head.len(), malformed(head, MalformedReason::Garbage))
            }
            None => {
                self.searched = head.len();
                Next::More
            }
        }
    }
}

fn broken(bytes: &[u8], kind: JsonErrorKind, at: usize) -> Found<'_> {
    malformed(bytes, MalformedReason::Json(JsonError::new(kind, at)))
}
