//! QEMU's variant of UTF-8, with the zero character in two bytes.

use core::fmt::{self, Write};

use crate::json::is_noncharacter;

/// Returns the first character, or `None` if it is invalid, and its length in bytes.
///
/// Surrogates, noncharacters, overlong and incomplete encodings are invalid. `bytes` must not be
/// empty.
pub(super) fn first_char(bytes: &[u8]) -> (Option<char>, usize) {
    let Some(&lead) = bytes.first() else {
        return (None, 0);
    };
    // The number of leading ones is the length of the encoding.
    let length = match lead.leading_ones() as usize {
        0 => return (Some(lead as char), 1),
        1 | 7 | 8 => return (None, 1),
        length => length,
    };
    let following = bytes[1..].iter().take(length - 1).take_while(|&&byte| byte & 0xC0 == 0x80);
    let found = 1 + following.count();
    if bytes.starts_with(b"\xC0\x80") {
        return (Some('\0'), 2);
    }
    if found < length {
        return (None, found);
    }
    let char = core::str::from_utf8(&bytes[..found]).ok().and_then(|text| text.chars().next());
    (char.filter(|&char| !is_noncharacter(char)), found)
}

/// Displays bytes as QEMU does in an error: up to a zero, with U+FFFD for invalid characters.
#[derive(Clone, Copy)]
pub(super) struct Lossy<'b>(pub(super) &'b [u8]);

impl fmt::Display for Lossy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = memchr::memchr(0, self.0).unwrap_or(self.0.len());
        let mut rest = &self.0[..end];
        while !rest.is_empty() {
            let (char, length) = first_char(rest);
            f.write_char(char.unwrap_or(char::REPLACEMENT_CHARACTER))?;
            rest = &rest[length..];
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_character_has_its_length() {
        for (bytes, char, length) in [
            (&b"ab"[..], Some('a'), 1),
            ("ä".as_bytes(), Some('ä'), 2),
            (b"\xC3\xA4\xA4", Some('ä'), 2),
            ("😀x".as_bytes(), Some('😀'), 4),
            (b"\xC0\x80x", Some('\0'), 2),
            (b"\xC0\xAFx", None, 2),
            (b"\x80\x80", None, 1),
            (b"\xC3(", None, 1),
            (b"\xE2\x82", None, 2),
            (b"\xED\xA0\x80", None, 3),
            (b"\xEF\xBF\xBF", None, 3),
            (b"\xF4\x90\x80\x80", None, 4),
            (b"\xF8\x88\x80\x80\x80x", None, 5),
            (b"\xFE\x80", None, 1),
            (b"\xFF", None, 1),
        ] {
            assert_eq!(first_char(bytes), (char, length), "{}", bytes.escape_ascii());
        }
        assert_eq!(std::format!("{}", Lossy(b"a\xC3(\x80\x80\0b")), "a\u{FFFD}(\u{FFFD}\u{FFFD}");
    }
}
