//! Resolving the escapes of a JSON string's content, and quoting text.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::escaped::is_control;
use crate::json::walk_escape;

/// Resolves the escapes of a string's content. Half a surrogate pair becomes U+FFFD, and invalid
/// escapes stay unchanged.
pub(super) fn unescape(inside: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', inside).is_none() {
        return Cow::Borrowed(inside);
    }
    let mut text = Vec::with_capacity(inside.len());
    let mut at = 0;
    while let Some(backslash) = memchr::memchr(b'\\', inside.get(at..).unwrap_or_default()) {
        text.extend_from_slice(inside.get(at..at + backslash).unwrap_or_default());
        at += backslash;
        let rest = inside.get(at + 1..).unwrap_or_default();
        let (meant, end) = match (walk_escape(inside, at), rest) {
            (Ok(escape), _) => escape,
            (Err(_), [b'\'', ..]) => ('\'', at + 2),
            (Err(_), [b'u', _, _, _, _, ..]) => (char::REPLACEMENT_CHARACTER, at + 6),
            (Err(_), _) => ('\\', at + 1),
        };
        text.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
        at = end;
    }
    text.extend_from_slice(inside.get(at..).unwrap_or_default());
    Cow::Owned(text)
}

/// Returns a JSON string with this text. Bytes that are not UTF-8 stay unchanged.
pub(super) fn quote(text: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(text.len() + 2);
    quoted.push(b'"');
    for chunk in text.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '"' | '\\' => quoted.extend_from_slice(&[b'\\', char as u8]),
                '\n' => quoted.extend_from_slice(b"\\n"),
                '\r' => quoted.extend_from_slice(b"\\r"),
                '\t' => quoted.extend_from_slice(b"\\t"),
                char if is_control(char) => {
                    for unit in char.encode_utf16(&mut [0; 2]) {
                        quoted.extend_from_slice(b"\\u");
                        for shift in [12, 8, 4, 0] {
                            let digit = char::from_digit(u32::from(*unit >> shift & 0xf), 16);
                            quoted.push(digit.unwrap_or('0') as u8);
                        }
                    }
                }
                char => quoted.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        quoted.extend_from_slice(chunk.invalid());
    }
    quoted.push(b'"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_has_the_same_meaning() {
        for text in ["", "a\"b\\c", "\0\n\r\t\u{1b}\u{7f}\u{9b}\u{202e}\u{e0001}", "é😀/'"] {
            let quoted = quote(text.as_bytes());
            let read: std::string::String = serde_json::from_slice(&quoted).unwrap();
            assert_eq!(read, text);
            assert_eq!(unescape(&quoted[1..quoted.len() - 1]), text.as_bytes());
            assert!(quoted.iter().all(|byte| *byte >= 0x20));
        }
        assert_eq!(quote(b"caf\xe9"), b"\"caf\xe9\"");
    }

    #[test]
    fn invalid_escapes_stay_unchanged() {
        assert_eq!(*unescape(br"\'a\q\u12"), *br"'a\q\u12");
        assert_eq!(unescape(br"\ud83dx\ude00"), "\u{fffd}x\u{fffd}".as_bytes());
        assert_eq!(unescape(br"\ud83d\ude00\"), "😀\\".as_bytes());
    }
}
