//! One pass over a message, which finds the bytes to be masked.

mod members;
mod report;

use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use crate::json::MAX_DEPTH;
use crate::redact::facts::{Facts, Kind, Scope, Verdict};
use crate::redact::marks::{Mark, Marks, State};
use crate::redact::names::Meaning;
use crate::redact::secrets::Known;
use crate::redact::suspicion::is_suspicious;
use crate::redact::tokens::{Token, Tokens};

pub(super) use report::mask_string;

/// A pass over a text of one or more messages, or a part of one.
///
/// Whether a value is a secret may depend on later members, so its mark can be undecided. The marks
/// are decided at the end of the object or the message, and no byte is examined twice.
pub(super) struct Scan<'t> {
    text: &'t [u8],
    tokens: Tokens<'t>,
    /// The number of strings around the text.
    level: u8,
    known: Known<'t>,
    /// Whether the message was sent by a client, whatever its members are.
    is_command: bool,
    /// Whether the whole reply is a secret.
    hides_answer: bool,
    marks: Vec<Mark>,
    /// The first mark of this message.
    first_mark: usize,
    frames: Vec<Frame>,
    facts: Facts,
    id: Option<Range<usize>>,
    is_answer: bool,
    expected: Expected,
}

/// The token that may follow.
#[derive(Clone, Copy)]
enum Expected {
    Value,
    ValueOrClose,
    Name,
    NameOrClose,
    Colon,
    CommaOrClose,
    /// No token, after a value that is not a message.
    End,
}

/// An open object or array.
struct Frame {
    object: bool,
    /// The meaning of the last name.
    meaning: Meaning,
    /// The position of a member with the name of a property.
    property: Option<Range<usize>>,
    /// Whether a member has the name of a secret property.
    names_secret: Option<bool>,
    /// The index of the mark of its `value`.
    value: Option<usize>,
    /// The index of the mark that ends with it.
    mark: Option<usize>,
}

/// The end of a pass.
enum End {
    Whole,
    /// The text ends inside a value.
    Inside,
    /// The text is invalid from this position on.
    Broken(usize),
}

/// The result of a pass.
pub(super) struct Found {
    pub(super) marks: Marks,
    /// The facts about the last message.
    pub(super) facts: Facts,
    pub(super) id: Option<Range<usize>>,
    pub(super) is_answer: bool,
}

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self::inside(text, 0)
    }

    /// Creates a pass over a text that is inside `level` strings.
    pub(super) fn inside(text: &'t [u8], level: u8) -> Self {
        Self {
            text,
            tokens: Tokens::new(text),
            level,
            known: Known::default(),
            is_command: false,
            hides_answer: false,
            marks: Vec::new(),
            first_mark: 0,
            frames: Vec::new(),
            facts: Facts::default(),
            id: None,
            is_answer: false,
            expected: Expected::Value,
        }
    }

    /// Masks these secrets, too.
    pub(super) fn knowing(mut self, known: Known<'t>) -> Self {
        self.known = known;
        self
    }

    /// Treats all messages as commands.
    pub(super) fn of_client(mut self) -> Self {
        self.is_command = true;
        self
    }

    /// Masks the whole value of a reply.
    pub(super) fn hiding_answer(mut self) -> Self {
        self.hides_answer = true;
        self
    }

    /// Finds all bytes to be masked.
    pub(super) fn run(mut self) -> Found {
        let end = loop {
            if self.frames.is_empty() {
                self.tokens.skip_sentinels();
            }
            let Some((token, range)) = self.tokens.next() else {
                break if self.is_between_messages() { End::Whole } else { End::Inside };
            };
            if self.take(token, &range).is_none() {
                break End::Broken(range.start);
            }
        };
        self.finish(&end)
    }

    /// Returns the end of the first value of the text, and its marks; or `None` if it is
    /// incomplete.
    pub(super) fn first_value(mut self) -> Option<(usize, Marks)> {
        loop {
            let (token, range) = self.tokens.next()?;
            self.take(token, &range)?;
            if self.frames.is_empty() {
                let end = self.tokens.at();
                return Some((end, Marks::new(self.marks)));
            }
        }
    }

    fn is_between_messages(&self) -> bool {
        self.frames.is_empty() && matches!(self.expected, Expected::Value | Expected::End)
    }

    /// Handles the next token. Returns `None` if it is invalid at its position.
    fn take(&mut self, token: Token, range: &Range<usize>) -> Option<()> {
        use Expected::{Colon, CommaOrClose, Name, NameOrClose, Value, ValueOrClose};
        match (token, self.expected) {
            (Token::Open { object }, Value | ValueOrClose) => self.open(object, range)?,
            (Token::Close { object }, CommaOrClose) => self.close(object, range)?,
            (Token::Close { object: true }, NameOrClose) => self.close(true, range)?,
            (Token::Close { object: false }, ValueOrClose) => self.close(false, range)?,
            (Token::String { closed: true, escaped }, Name | NameOrClose) => {
                self.name(range, escaped);
            }
            (Token::Colon, Colon) => self.expected = Value,
            (Token::Comma, CommaOrClose) => {
                let object = self.frames.last()?.object;
                self.expected = if object { Name } else { Value };
            }
            (Token::String { closed, escaped }, Value | ValueOrClose) => {
                self.string(range, closed, escaped);
                self.end_value();
            }
            (Token::Scalar, Value | ValueOrClose) => {
                // Text that is not JSON often starts with a word.
                if self.frames.is_empty() && !is_keyword_or_number(self.text.get(range.clone())?) {
                    return None;
                }
                self.scalar(range);
                self.end_value();
            }
            _ => return None,
        }
        Some(())
    }

    fn open(&mut self, object: bool, range: &Range<usize>) -> Option<()> {
        if self.frames.len() == MAX_DEPTH {
            return None;
        }
        if self.frames.is_empty() {
            self.facts = Facts::default();
            self.id = None;
            self.is_answer = false;
        }
        let mark = self.begin_value(range, false);
        self.frames.push(Frame {
            object,
            meaning: Meaning::Nothing,
            property: None,
            names_secret: None,
            value: None,
            mark,
        });
        self.expected = if object { Expected::NameOrClose } else { Expected::ValueOrClose };
        Some(())
    }

    fn close(&mut self, object: bool, range: &Range<usize>) -> Option<()> {
        if self.frames.last()?.object != object {
            return None;
        }
        let frame = self.frames.pop()?;
        self.decide_value(&frame);
        if let Some(mark) = frame.mark.and_then(|mark| self.marks.get_mut(mark)) {
            mark.end = range.end;
        }
        if self.frames.is_empty() {
            self.end_message();
        }
        self.end_value();
        Some(())
    }

    fn end_value(&mut self) {
        self.expected = match self.frames.is_empty() {
            false => Expected::CommaOrClose,
            // After a message another may follow; after a part of one, nothing.
            true if self.text.get(self.tokens.at() - 1) == Some(&b'}') => Expected::Value,
            true => Expected::End,
        };
    }

    /// Decides the marks that depend on the whole message.
    fn end_message(&mut self) {
        let facts = self.facts;
        for mark in self.marks.get_mut(self.first_mark..).unwrap_or_default() {
            if let State::Undecided(member) = mark.state {
                mark.state = match facts.judge(member, true) {
                    Verdict::Hide(scope) => State::Hidden(scope),
                    Verdict::Show | Verdict::Later => State::Shown,
                };
            }
        }
        self.first_mark = self.marks.len();
    }

    fn finish(mut self, end: &End) -> Found {
        for frame in mem::take(&mut self.frames).iter().rev() {
            self.decide_value(frame);
            if let Some(mark) = frame.mark.and_then(|mark| self.marks.get_mut(mark)) {
                mark.end = self.text.len();
            }
        }
        self.end_message();
        if let End::Broken(at) = *end {
            self.mask_rest(at);
        }
        Found {
            marks: Marks::new(self.marks),
            facts: self.facts,
            id: self.id,
            is_answer: self.is_answer,
        }
    }

    /// Masks the invalid rest of a text if it may contain a secret.
    fn mask_rest(&mut self, at: usize) {
        let rest = at..self.text.len();
        let is_part = self.facts.kind == Kind::Unknown
            && self.text.windows(2).any(|pair| matches!(pair, b"\":" | b"\","));
        let is_command = matches!(self.facts.kind, Kind::Command(_));
        if is_part || is_command || is_suspicious(self.text) {
            self.marks.push(Mark::new(&rest, State::Hidden(Scope::Anywhere)));
        }
    }
}

fn is_keyword_or_number(scalar: &[u8]) -> bool {
    matches!(scalar, [b'-' | b'0'..=b'9', ..] | b"true" | b"false" | b"null")
}
