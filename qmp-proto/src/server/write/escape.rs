//! Escaping characters inside strings.

use alloc::string::String;
use core::fmt;

use crate::output::{BufferFull, OutputBuffer};

/// Appends a character in QEMU's format for strings.
pub(super) fn append_escaped<S: OutputBuffer>(out: &mut S, char: char) -> Result<(), BufferFull> {
    out.append(Escaped::new(char).as_bytes())
}

/// As [`append_escaped`], to a string.
pub(in crate::server) fn push_escaped(out: &mut String, char: char) {
    Escaped::new(char).as_bytes().iter().for_each(|&byte| out.push(byte as char));
}

/// Adapts an output buffer to `fmt::Write`, and escapes the text for a string.
pub(super) struct InsideString<'s, S>(pub(super) &'s mut S);

impl<S: OutputBuffer> fmt::Write for InsideString<'_, S> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(|char| !is_plain(char)) {
            let (plain, special) = rest.split_at(at);
            self.0.append(plain.as_bytes()).map_err(|BufferFull| fmt::Error)?;
            let mut chars = special.chars();
            if let Some(char) = chars.next() {
                append_escaped(self.0, char).map_err(|BufferFull| fmt::Error)?;
            }
            rest = chars.as_str();
        }
        self.0.append(rest.as_bytes()).map_err(|BufferFull| fmt::Error)
    }
}

const fn is_plain(char: char) -> bool {
    matches!(char, ' '..='~') && char != '"' && char != '\\'
}

/// The escaped form of a character: ASCII, of at most twelve bytes.
struct Escaped {
    bytes: [u8; 12],
    length: usize,
}

impl Escaped {
    fn new(char: char) -> Self {
        let mut escaped = Self { bytes: [0; 12], length: 0 };
        match char {
            '"' | '\\' => escaped.push(&[b'\\', char as u8]),
            '\u{8}' => escaped.push(b"\\b"),
            '\u{C}' => escaped.push(b"\\f"),
            '\n' => escaped.push(b"\\n"),
            '\r' => escaped.push(b"\\r"),
            '\t' => escaped.push(b"\\t"),
            ' '..='~' => escaped.push(&[char as u8]),
            char => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    escaped.push_unit(*unit);
                }
            }
        }
        escaped
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.length..][..bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    fn push_unit(&mut self, unit: u16) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        self.push(b"\\u");
        for shift in [12, 8, 4, 0] {
            self.push(&[DIGITS[usize::from(unit >> shift & 0xF)]]);
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_characters_are_written_as_ascii_in_qemus_format() {
        let mut out = String::new();
        "a\"\\/\u{8}\u{C}\n\r\t\u{1}\u{7F}\0é\u{FFFD}😀\u{FFFE}"
            .chars()
            .for_each(|char| push_escaped(&mut out, char));
        assert_eq!(out, r#"a\"\\/\b\f\n\r\t\u0001\u007F\u0000\u00E9\uFFFD\uD83D\uDE00\uFFFE"#);
        let mut written = alloc::vec::Vec::new();
        fmt::Write::write_str(&mut InsideString(&mut written), "x\"é\ny").unwrap();
        assert_eq!(written, br#"x\"\u00E9\ny"#);
    }
}
