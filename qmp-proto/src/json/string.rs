//! The content of JSON strings: finding their end, validating and resolving their escapes.

use core::str::Chars;

use super::{JsonError, JsonErrorKind};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Returns the number of leading bytes that are neither a quote, a backslash nor a control
/// character.
pub(crate) fn plain_prefix(bytes: &[u8]) -> usize {
    prefix::<false>(bytes)
}

/// As [`plain_prefix`], for ASCII bytes only.
pub(crate) fn plain_ascii_prefix(bytes: &[u8]) -> usize {
    prefix::<true>(bytes)
}

/// Reads eight bytes at a time. Most of a reply is strings, and single bytes take several times as
/// long.
fn prefix<const ASCII: bool>(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let other = if ASCII { word } else { 0 };
        let stops = (equal(word, b'"') | equal(word, b'\\') | below(word, 0x20) | other) & HIGH;
        if stops != 0 {
            // A borrow marks only bytes above a correct mark, so the lowest mark is correct.
            return bytes.len() - rest.len() + stops.trailing_zeros() as usize / 8;
        }
        rest = after;
    }
    let is_stop = |byte: u8| byte == b'"' || byte == b'\\' || byte < 0x20;
    let tail = rest.iter().position(|&byte| is_stop(byte) || (ASCII && !byte.is_ascii()));
    bytes.len() - rest.len() + tail.unwrap_or(rest.len())
}

const fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * byte as u64), 1)
}

const fn below(word: u64, byte: u8) -> u64 {
    word.wrapping_sub(ONES * byte as u64) & !word
}

/// Walks the escape at `at`, and returns its character and its end.
pub(crate) fn walk_escape(text: &[u8], at: usize) -> Result<(char, usize), JsonError> {
    let Some(&kind) = text.get(at + 1) else {
        return Err(JsonError::new(JsonErrorKind::Incomplete, text.len()));
    };
    let plain = match kind {
        b'"' | b'\\' | b'/' => kind as char,
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return walk_unicode_escape(text, at),
        _ => return Err(JsonError::new(JsonErrorKind::Escape, at)),
    };
    Ok((plain, at + 2))
}

fn walk_unicode_escape(text: &[u8], at: usize) -> Result<(char, usize), JsonError> {
    let first = four_digits(text, at + 2)?;
    if let Some(plain) = char::from_u32(first) {
        return Ok((plain, at + 6));
    }
    let lone = JsonError::new(JsonErrorKind::LoneSurrogate, at);
    if first >= 0xDC00 {
        return Err(lone);
    }
    for (offset, expected) in [(6, b'\\'), (7, b'u')] {
        match text.get(at + offset) {
            Some(&byte) if byte == expected => {}
            Some(_) => return Err(lone),
            None => return Err(JsonError::new(JsonErrorKind::Incomplete, text.len())),
        }
    }
    let second = four_digits(text, at + 8)?;
    if !(0xDC00..0xE000).contains(&second) {
        return Err(lone);
    }
    let joined = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    char::from_u32(joined).map(|joined| (joined, at + 12)).ok_or(lone)
}

fn four_digits(text: &[u8], at: usize) -> Result<u32, JsonError> {
    let mut value = 0;
    for at in at..at + 4 {
        let Some(&byte) = text.get(at) else {
            return Err(JsonError::new(JsonErrorKind::Incomplete, text.len()));
        };
        let Some(digit) = (byte as char).to_digit(16) else {
            return Err(JsonError::new(JsonErrorKind::Escape, at));
        };
        value = value << 4 | digit;
    }
    Ok(value)
}

/// The characters of a string's content, with escapes resolved.
///
/// Invalid escapes are returned unchanged, and half a surrogate pair as U+FFFD, so unvalidated text
/// can be read.
#[derive(Clone, Debug)]
pub(crate) struct Unescaped<'a>(Chars<'a>);

impl<'a> Unescaped<'a> {
    pub(crate) fn new(inside: &'a str) -> Self {
        Self(inside.chars())
    }
}

impl Iterator for Unescaped<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let text = self.0.as_str();
        let first = self.0.next()?;
        if first != '\\' {
            return Some(first);
        }
        match walk_escape(text.as_bytes(), 0) {
            Ok((meant, end)) => {
                self.0 = text.get(end..).unwrap_or("").chars();
                Some(meant)
            }
            Err(error) if error.kind() == JsonErrorKind::LoneSurrogate => {
                self.0 = text.get(6..).unwrap_or("").chars();
                Some(char::REPLACEMENT_CHARACTER)
            }
            Err(_) => Some(first),
        }
    }
}

/// Returns whether the character is one of the 66 noncharacters, which QEMU refuses.
pub(crate) fn is_noncharacter(char: char) -> bool {
    let code = char as u32;
    (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_ends_at_the_first_stop_at_any_position() {
        for length in 0..40 {
            for at in 0..length {
                for stop in [b'"', b'\\', 0, 0x1F, b'\n'] {
                    for filling in
                        [b'a', b' ', b'!', b'#', 0x5B, 0x5D, 0x7F, 0x80, 0xA2, 0xDC, 0xFF]
                    {
                        let mut bytes = [filling; 40];
                        bytes[at] = stop;
                        assert_eq!(plain_prefix(&bytes[..length]), at);
                    }
                }
            }
            assert_eq!(plain_prefix(&[b'x'; 40][..length]), length);
        }
    }

    #[test]
    fn the_ascii_prefix_also_ends_at_other_characters() {
        for at in 0..40 {
            for (byte, end) in [(0x7F, 40), (0x80, at), (0xFF, at), (b'"', at), (0x1F, at)] {
                let mut bytes = [b'A'; 40];
                bytes[at] = byte;
                assert_eq!(plain_ascii_prefix(&bytes), end);
            }
        }
    }

    #[test]
    fn escapes_are_resolved_or_refused() {
        for (text, meant) in [
            (r#"\""#, '"'),
            (r"\\", '\\'),
            (r"\/", '/'),
            (r"\n", '\n'),
            (r"\u0041", 'A'),
            (r"\uD83D\uDE00", '😀'),
        ] {
            assert_eq!(walk_escape(text.as_bytes(), 0), Ok((meant, text.len())));
        }
        for (text, kind) in [
            (r"\x", JsonErrorKind::Escape),
            (r"\u00g0", JsonErrorKind::Escape),
            (r"\", JsonErrorKind::Incomplete),
            (r"\u12", JsonErrorKind::Incomplete),
            (r"\uD83D", JsonErrorKind::Incomplete),
            (r"\uD83Dx", JsonErrorKind::LoneSurrogate),
            (r"\uDE00", JsonErrorKind::LoneSurrogate),
            (r"\uD83D\u0041", JsonErrorKind::LoneSurrogate),
        ] {
            assert_eq!(walk_escape(text.as_bytes(), 0).map_err(|e| e.kind()), Err(kind), "{text}");
        }
    }

    #[test]
    fn unescaping_never_fails() {
        let read = |text| Unescaped::new(text).collect::<std::string::String>();
        assert_eq!(read(r"a\tb\u00e4"), "a\tbä");
        assert_eq!(read(r"a\uD83Db\q\"), "a\u{FFFD}b\\q\\");
        assert_eq!(read(r"\uD83D"), "\\uD83D", "an incomplete escape stays unchanged");
    }

    #[test]
    fn there_are_66_noncharacters() {
        let count =
            (0..=0x10_FFFF).filter_map(char::from_u32).filter(|&c| is_noncharacter(c)).count();
        assert_eq!(count, 66);
    }
}
