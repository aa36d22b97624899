//! The ranges of a text that are masked.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use crate::redact::facts::Scope;
use crate::redact::names::Member;
use crate::redact::strings::quote;

/// The replacement of a masked value.
const QUOTED_MASK: &str = "\"••••\"";

/// A value that is masked or may have to be.
pub(super) struct Mark {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) state: State,
}

pub(super) enum State {
    Undecided(Member),
    Shown,
    /// The whole value is masked.
    Hidden(Scope),
    /// A part of a string is masked, which results in this text.
    Replaced(Box<[u8]>),
}

impl Mark {
    pub(super) fn new(range: &Range<usize>, state: State) -> Self {
        Self { start: range.start, end: range.end, state }
    }
}

/// The marks of a text, in order, without marks inside hidden values.
pub(super) struct Marks(pub(super) Vec<Mark>);

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

    /// Returns the text with its secrets masked.
    pub(super) fn apply(&self, text: &[u8]) -> Vec<u8> {
        self.apply_to_part(text, 0..text.len())
    }

    /// Returns a part of the text with its secrets masked.
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
}
