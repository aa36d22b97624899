//! Finding the start of a message after a broken one.

use memchr::memchr2;

use crate::json::is_blank;

/// The members that a message may begin with.
const FIRST: [&[u8]; 4] = [b"execute", b"exec-oob", b"arguments", b"id"];

/// The maximum length of the start of a message, up to the colon of its first member.
const LONGEST_BEGINNING: usize = 32;

/// The facts about the skipped part of a broken message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trail {
    /// The first byte of the message.
    first: u8,
    /// The first quote, which is the kind that the client writes.
    quote: Option<u8>,
    /// The last byte that is not blank, inside or outside of strings.
    last: u8,
    /// Whether only blanks follow the last line end or control character.
    pub(super) at_start: bool,
}

/// Whether a message starts with a brace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Beginning {
    /// A message starts, with the first member in these quotes.
    Quoted(u8),
    No,
    /// More bytes are needed.
    Unknown,
}

impl Trail {
    /// Creates the facts about the part of a broken message that was read.
    pub(super) fn behind(text: &[u8]) -> Self {
        let last = last_not_blank(text);
        let (before, blanks) = text.split_at(last.map_or(0, |last| last + 1));
        let mut trail = Self {
            first: text.first().copied().unwrap_or_default(),
            quote: memchr2(b'"', b'\'', text).and_then(|at| text.get(at)).copied(),
            last: 0,
            at_start: false,
        };
        before.last().into_iter().chain(blanks).for_each(|byte| trail.pass(*byte));
        trail
    }

    pub(super) fn pass(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' => {}
            b'\n' | b'\r' => self.at_start = true,
            _ => {
                self.last = byte;
                self.at_start = byte < b' ';
                if self.quote.is_none() && matches!(byte, b'"' | b'\'') {
                    self.quote = Some(byte);
                }
            }
        }
    }

    /// Passes a part of a string that neither contains nor follows a control character.
    pub(super) fn pass_plain(&mut self, text: &[u8]) {
        if let Some(last) = last_not_blank(text) {
            self.last = text[last];
        }
    }

    /// Returns whether the last byte that is not blank is an escape character.
    pub(super) const fn is_behind_escape(&self) -> bool {
        self.last == 0x1B
    }

    /// Returns whether a brace can start a message here, inside a string of this kind or outside of
    /// strings.
    pub(super) const fn may_begin(&self, string: Option<u8>) -> bool {
        // After these bytes follows a value of the broken message.
        let is_value = matches!(self.last, b',' | b':' | b'[' | b'(');
        // Clients write objects within objects, but no control characters outside strings.
        let is_outside = self.first != b'{' || self.last < b' ';
        self.at_start && !is_value && (string.is_some() || is_outside)
    }

    /// Returns whether a message starts with a member in these quotes: no string of this kind
    /// contains such a quote, so the string has ended.
    pub(super) fn begins(&self, string: Option<u8>, quote: u8) -> bool {
        string.is_none_or(|string| string == quote) && self.quote.is_none_or(|it| it == quote)
    }
}

/// Returns the position of the last byte that is not blank. Millions of blanks may follow it.
fn last_not_blank(text: &[u8]) -> Option<usize> {
    let mut end = text.len();
    // In pieces, so that compilers examine many bytes at once.
    for piece in text.rchunks(64) {
        if piece.iter().fold(false, |any, byte| any | !is_blank(*byte)) {
            let last = piece.iter().rposition(|byte| !is_blank(*byte))?;
            return Some(end - piece.len() + last);
        }
        end -= piece.len();
    }
    None
}

impl Beginning {
    /// Examines a brace and the bytes after it, within the length limit of messages.
    pub(super) fn at(text: &[u8], longest: usize) -> Self {
        let longest = longest.min(LONGEST_BEGINNING);
        let or_more = if text.len() < longest { Self::Unknown } else { Self::No };
        let text = text.get(1..text.len().min(longest)).unwrap_or_default();
        // After a line end, another message could start.
        let at = text.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
        let Some((quote, name)) = at.and_then(|at| text.get(at..)?.split_first()) else {
            return or_more;
        };
        if !matches!(quote, b'"' | b'\'') {
            return Self::No;
        }
        let Some(end) = name.iter().position(|byte| byte == quote) else {
            let may_be = FIRST.iter().any(|first| first.starts_with(name));
            return if may_be { or_more } else { Self::No };
        };
        let (name, rest) = name.split_at(end);
        if !FIRST.contains(&name) {
            return Self::No;
        }
        match rest.iter().skip(1).find(|byte| !is_blank(**byte)) {
            None => or_more,
            Some(b':') => Self::Quoted(*quote),
            Some(_) => Self::No,
        }
    }
}
