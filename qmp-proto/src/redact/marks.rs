//! The bytes of a text that are not shown.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use crate::redact::facts::Scope;
use crate::redact::names::Member;
use crate::redact::strings::{quote, unescape};
use crate::redact::text::{Found, mask_text};
use crate::redact::tokens::{Token, Tokens};

/// What stands in the place of a value.
const QUOTED_MASK: &str = "\"••••\"";

/// A value that is not shown, or may not be.
pub(super) struct Mark {
    start: usize,
    pub(super) end: usize,
    pub(super) state: State,
}

pub(super) enum State {
    Undecided(Member),
    Shown,
    /// A mask stands in its place.
    Hidden(Scope),
    /// A string of which some is masked: this is what is left of it.
    Replaced(Box<[u8]>),
}

impl Mark {
    pub(super) fn new(range: &Range<usize>, state: State) -> Self {
        Self { start: range.start, end: range.end, state }
    }
}

/// The marks of a text, in the order of their places. What is inside of what is hidden is left out.
pub(super) struct Marks(Vec<Mark>);

impl Marks {
    pub(super) fn new(mut marks: Vec<Mark>) -> Self {
        let mut hidden = 0;
        marks.retain(|mark| {
            let counts = mark.start >= hidden && !matches!(mark.state, State::Shown);
            if counts {
                hidden = mark.end;
            }
            counts
        });
        Self(marks)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text with its secrets masked.
    pub(super) fn apply(&self, text: &[u8]) -> Vec<u8> {
        self.apply_to_part(text, 0..text.len())
    }

    /// A part of the text with its secrets masked.
    pub(super) fn apply_to_part(&self, text: &[u8], part: Range<usize>) -> Vec<u8> {
        let mut masked = Vec::with_capacity(part.len());
        let mut copied = part.start;
        for mark in self.0.iter().filter(|mark| mark.end > part.start && mark.start < part.end) {
            masked.extend_from_slice(text.get(copied..mark.start).unwrap_or_default());
            match &mark.state {
                State::Replaced(left) if mark.start >= part.start && mark.end <= part.end => {
                    masked.extend_from_slice(&quote(left));
                }
                _ => masked.extend_from_slice(QUOTED_MASK.as_bytes()),
            }
            copied = mark.end;
        }
        masked.extend_from_slice(text.get(copied..part.end).unwrap_or_default());
        masked
    }

    /// Tells what is masked of the text, strings unescaped.
    pub(super) fn report(&self, text: &[u8], level: u8, found: &mut Found<'_>) {
        for mark in &self.0 {
            let part = text.get(mark.start..mark.end).unwrap_or_default();
            match mark.state {
                State::Replaced(_) => {
                    mask_text(&inside_quotes(part), level, found);
                }
                State::Hidden(scope) => report_value(part, scope, level, found),
                State::Undecided(_) | State::Shown => {}
            }
        }
    }
}

fn report_value(value: &[u8], scope: Scope, level: u8, found: &mut Found<'_>) {
    let mut tokens = Tokens::new(value);
    while let Some((token, range)) = tokens.next() {
        let part = value.get(range).unwrap_or_default();
        match token {
            Token::String { .. } => {
                let text = inside_quotes(part);
                mask_text(&text, level, found);
                found(&text, scope);
            }
            Token::Scalar => found(part, scope),
            _ => {}
        }
    }
}

/// The text that a string means, closed or not.
fn inside_quotes(string: &[u8]) -> alloc::borrow::Cow<'_, [u8]> {
    let Some((quote, inside)) = string.split_first() else {
        return string.into();
    };
    unescape(inside.strip_suffix(&[*quote]).unwrap_or(inside))
}
