//! Finding strings and values in text that is known to be JSON.

use alloc::borrow::Cow;
use alloc::string::ToString;
use core::ops::Range;

use crate::json::{Text, skip_blanks};

/// A text that every rule takes for a secret.
const NOT_UNDERSTOOD: &[u8] = b"secret password=";

/// A string: a member's name, a value or an element.
pub(super) struct Token<'a> {
    /// Where its opening quote stands.
    pub(super) start: usize,
    /// Where the text goes on behind its closing quote.
    pub(super) end: usize,
    /// Unescaped. What cannot be unescaped (half a surrogate pair) is given out as suspicious text:
    /// nobody knows what a reader makes of it.
    pub(super) text: Cow<'a, [u8]>,
}

/// The first string at or behind `from`, which is not inside a string.
pub(super) fn next_string(message: &[u8], from: usize) -> Option<Token<'_>> {
    let start = from + memchr::memchr(b'"', message.get(from..)?)?;
    let end = end_of_string(message, start);
    let quoted = &message[start..end];
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    let text = match memchr::memchr(b'\\', inner) {
        None => Cow::Borrowed(inner),
        Some(_) => {
            let text = Text::new(core::str::from_utf8(inner).unwrap_or_default()).to_string();
            match text.contains(char::REPLACEMENT_CHARACTER) {
                true => Cow::Borrowed(NOT_UNDERSTOOD),
                false => Cow::Owned(text.into_bytes()),
            }
        }
    };
    Some(Token { start, end, text })
}

/// Where the value of a member stands, when `token` is the member's name.
pub(super) fn value_of(message: &[u8], token: &Token<'_>) -> Option<Range<usize>> {
    let colon = skip_blanks(message, token.end);
    if message.get(colon) != Some(&b':') {
        return None;
    }
    let start = skip_blanks(message, colon + 1);
    Some(start..end_of_value(message, start))
}

fn end_of_value(message: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(byte) = message.get(at) {
        match byte {
            b'"' => {
                at = end_of_string(message, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return at + 1,
            b'}' | b']' | b',' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            byte if byte.is_ascii_whitespace() && depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    message.len()
}

/// Where the text goes on behind the string that starts at `start`.
fn end_of_string(message: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', message.get(at..).unwrap_or_default()) {
        at += found;
        match message[at] {
            b'"' => return at + 1,
            _ => at += 2,
        }
    }
    message.len()
}
