//! Messages that are one line each.

use super::{Decoder, Found, Framing, Next, SENTINEL, first, malformed};
use crate::json::{JsonErrorKind, trim_blanks_end};
use crate::wire::balance::Balanced;
use crate::wire::braces::LONG;
use crate::wire::{IS_FAST, MalformedReason, Unsplit};

impl Decoder {
    /// Decodes the line at the start of the input. Its first `searched` bytes contain no line end.
    pub(super) fn line<'b>(&mut self, input: &'b [u8], searched: usize) -> Next<'b> {
        let unsearched = input.get(searched..).unwrap_or_default();
        let end = self.line_end(unsearched).map(|end| searched + end);
        let object = input.first() == Some(&b'{');
        if end.unwrap_or(input.len()) > self.bounds.length {
            if object {
                // The line may consist of several messages, none of them too long.
                self.count_brackets(false);
                return Next::Again;
            }
            return self.long_garbage(input, end);
        }
        let Some(end) = end else {
            self.searched = input.len();
            return self.without_end(input);
        };
        let line = trim_blanks_end(first(input, end));
        if input.get(end) == Some(&SENTINEL) {
            return self.before_sentinel(line, end);
        }
        match self.whole(line) {
            Ok(message) => {
                self.begin();
                Next::found(end + 1, Found::Message(message))
            }
            // Several messages, or the start of one that continues in the next line.
            Err(Unsplit::Json(error))
                if object
                    && matches!(
                        error.kind(),
                        JsonErrorKind::Incomplete | JsonErrorKind::Trailing
                    ) =>
            {
                self.count_brackets(false);
                Next::Again
            }
            Err(unsplit) => {
                // The invalid object may end before the line.
                if object {
                    if let Balanced::Ends { at } = self.balance.follow(line, self.bounds.depth) {
                        if at < line.len() {
                            return self.ended(input, at);
                        }
                    }
                }
                self.begin();
                Next::found(end + 1, Self::unsplit(line, unsplit))
            }
        }
    }

    /// Decodes an incomplete line: a message ends where its brackets balance.
    fn without_end<'b>(&mut self, input: &'b [u8]) -> Next<'b> {
        if input.first() != Some(&b'{') {
            return Next::More;
        }
        if IS_FAST && input.len() > LONG && !self.braces.follow(input) {
            return Next::More;
        }
        match self.balance.follow(input, self.bounds.depth) {
            Balanced::Ends { at } => self.ended(input, at),
            _ => Next::More,
        }
    }

    /// Decodes the bytes before the sentinel at `end`, or the sentinel itself if there are none.
    fn before_sentinel<'b>(&mut self, line: &'b [u8], end: usize) -> Next<'b> {
        match line {
            [] => {
                self.begin();
                Next::found(end + 1, Found::Sentinel)
            }
            [b'{', ..] => {
                self.count_brackets(false);
                Next::Again
            }
            _ => {
                self.begin();
                Next::found(end, malformed(line, MalformedReason::Garbage))
            }
        }
    }

    fn long_garbage<'b>(&mut self, input: &'b [u8], end: Option<usize>) -> Next<'b> {
        let sentinel = end.is_some_and(|end| input.get(end) == Some(&SENTINEL));
        self.begin();
        self.skipping = end.is_none();
        let used = end.map_or(input.len(), |end| end + usize::from(!sentinel));
        Next::found(used, Found::TooLong)
    }

    /// Decodes the object at the start of the input, whose brackets balance at `at`.
    pub(super) fn ended<'b>(&mut self, input: &'b [u8], at: usize) -> Next<'b> {
        self.framing = Framing::After { line_feed_inside: self.balance.has_line_feed() };
        let object = first(input, at);
        let found = match self.whole(object) {
            Ok(message) => Found::Message(message),
            Err(unsplit) => Self::unsplit(object, unsplit),
        };
        self.begin();
        Next::found(at, found)
    }
}
