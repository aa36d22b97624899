//! Validating and reading strings, and rewriting QEMU's variant of JSON as standard JSON.

use alloc::string::String;

use super::ParseError;
use super::modified_utf8::first_char;
use crate::json::is_noncharacter;
use crate::server::write::push_escaped;

/// Returns the end of the string at `at`, in a text without incomplete strings.
pub(super) fn string_end(text: &[u8], at: usize) -> usize {
    let Some(&quote) = text.get(at) else {
        return at;
    };
    let mut at = at + 1;
    while let Some(found) = memchr::memchr2(quote, b'\\', text.get(at..).unwrap_or_default()) {
        at += found;
        if text[at] == quote {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

/// Validates a string, which includes its quotes.
pub(super) fn check(token: &[u8]) -> Result<(), ParseError<'_>> {
    let mut rest = inside(token);
    loop {
        let end = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        check_plain(&rest[..end])?;
        rest = &rest[end..];
        if rest.is_empty() {
            return Ok(());
        }
        let (_, length) = escape(rest, token)?;
        rest = &rest[length..];
    }
}

/// Passes the characters of a string, which includes its quotes, to `each`.
pub(super) fn characters<'b>(
    token: &'b [u8],
    mut each: impl FnMut(char),
) -> Result<(), ParseError<'b>> {
    let mut rest = inside(token);
    while let Some(&byte) = rest.first() {
        let (char, length) = if byte == b'\\' {
            escape(rest, token)?
        } else {
            let (char, length) = first_char(rest);
            (char.ok_or(ParseError::Utf8)?, length)
        };
        each(char);
        rest = &rest[length..];
    }
    Ok(())
}

fn inside(token: &[u8]) -> &[u8] {
    token.get(1..token.len().saturating_sub(1)).unwrap_or_default()
}

fn check_plain(mut bytes: &[u8]) -> Result<(), ParseError<'static>> {
    if bytes.is_ascii() {
        return Ok(());
    }
    if let Ok(text) = core::str::from_utf8(bytes) {
        return if text.chars().any(is_noncharacter) { Err(ParseError::Utf8) } else { Ok(()) };
    }
    while !bytes.is_empty() {
        let (char, length) = first_char(bytes);
        char.ok_or(ParseError::Utf8)?;
        bytes = &bytes[length..];
    }
    Ok(())
}

/// Returns the character of the escape at the start of `rest`, and its length. `token` is the
/// string.
fn escape<'b>(rest: &'b [u8], token: &'b [u8]) -> Result<(char, usize), ParseError<'b>> {
    let plain = match rest.get(1) {
        Some(&quoting @ (b'"' | b'\'' | b'\\' | b'/')) => quoting as char,
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{C}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(rest, token),
        _ => return Err(ParseError::Escape),
    };
    Ok((plain, 2))
}

fn unicode_escape<'b>(rest: &'b [u8], token: &'b [u8]) -> Result<(char, usize), ParseError<'b>> {
    // QEMU reports the escape, truncated at the closing quote.
    let start = token.len() - 1 - rest.len();
    let error = |length| ParseError::NoCharacter(&token[start..token.len().min(start + length)]);
    let (code, length) = match four_digits(rest, 2) {
        Some(leading @ 0xD800..0xDC00) if rest[6..].starts_with(b"\\u") => {
            match four_digits(rest, 8) {
                Some(trailing @ 0xDC00..0xE000) => {
                    (0x1_0000 + ((leading - 0xD800) << 10) + (trailing - 0xDC00), 12)
                }
                _ => return Err(error(6)),
            }
        }
        Some(code) => (code, 6),
        None => return Err(error(6)),
    };
    let char = char::from_u32(code).filter(|&char| !is_noncharacter(char));
    Ok((char.ok_or_else(|| error(length))?, length))
}

fn four_digits(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..at + 4)?
        .iter()
        .try_fold(0, |value, &byte| Some(value << 4 | (byte as char).to_digit(16)?))
}

/// Rewrites the strings of a text with quotation marks, and copies the rest. The result ends before
/// an invalid string.
pub(super) fn rewrite(text: &[u8]) -> String {
    let mut written = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte != b'"' && byte != b'\'' {
            written.push(byte as char);
            at += 1;
            continue;
        }
        let end = string_end(text, at);
        let before = written.len();
        written.push('"');
        if characters(&text[at..end], |char| push_escaped(&mut written, char)).is_err() {
            written.truncate(before);
            break;
        }
        written.push('"');
        at = end;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn escapes_are_characters_or_errors() {
        for (token, expected) in [
            (&br#""\b\f\n\r\t""#[..], "\u{8}\u{C}\n\r\t"),
            (br#"'\"\'\\\/'"#, "\"'\\/"),
            (br#""\u00e9\u00C9\uD83D\ude00 \u0000""#, "éÉ😀 \0"),
            (br#""""#, ""),
        ] {
            let mut read = String::new();
            characters(token, |char| read.push(char)).unwrap();
            assert_eq!(read, expected);
            assert_eq!(check(token), Ok(()));
        }
        for token in [&br#""\x""#[..], br#""\B""#] {
            assert_eq!(check(token), Err(ParseError::Escape));
        }
        for half in
            [&br#""\uD83D""#[..], br#""\uD83Dx-DE00""#, br#""\uD83D\u0041""#, br#""\uDE00""#]
        {
            assert_eq!(check(half), Err(ParseError::NoCharacter(&half[1..7])));
            let behind = [b"\"four", &half[1..]].concat();
            assert_eq!(check(&behind), Err(ParseError::NoCharacter(&behind[5..11])));
        }
    }
}
