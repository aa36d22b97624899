//! Writing JSON on one line or on several.

use super::double::canonical;
use super::escape::append_escaped;
use crate::json::{Unescaped, is_blank, plain_prefix, skip_blanks};
use crate::output::{BufferFull, OutputBuffer};

/// How numbers and unnecessary escapes are written.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::server) enum Numbers {
    /// Unchanged.
    Verbatim,
    /// In QEMU's format of the same value.
    ByValue,
}

/// Appends JSON on one line, in ASCII. A text of printable ASCII is copied unchanged, including
/// blanks.
pub(super) fn append_line<S: OutputBuffer>(out: &mut S, text: &str) -> Result<(), BufferFull> {
    if is_printable(text.as_bytes()) {
        out.append(text.as_bytes())
    } else {
        lay_out_compact(out, text, Numbers::Verbatim)
    }
}

/// Appends JSON on one line, with a blank after each comma and colon.
pub(in crate::server) fn lay_out_compact<S: OutputBuffer>(
    out: &mut S,
    text: &str,
    numbers: Numbers,
) -> Result<(), BufferFull> {
    Layout { out, line_end: None, level: 0 }.value(text, numbers)
}

/// Appends JSON on several lines, indented by four blanks per level.
pub(super) fn lay_out_pretty<S: OutputBuffer>(
    out: &mut S,
    text: &str,
    line_end: &'static str,
) -> Result<(), BufferFull> {
    Layout { out, line_end: Some(line_end), level: 0 }.value(text, Numbers::Verbatim)
}

fn is_printable(bytes: &[u8]) -> bool {
    // In pieces, so that compilers examine many bytes at once.
    bytes
        .chunks(64)
        .all(|piece| piece.iter().fold(true, |all, byte| all & matches!(byte, b' '..=b'~')))
}

struct Layout<'s, S> {
    out: &'s mut S,
    /// `None` for a single line.
    line_end: Option<&'static str>,
    level: usize,
}

impl<S: OutputBuffer> Layout<'_, S> {
    fn value(&mut self, text: &str, numbers: Numbers) -> Result<(), BufferFull> {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    let inside = &text[at + 1..];
                    let inside = &inside[..length_inside(inside)];
                    self.string(inside, numbers)?;
                    at += inside.len() + 1;
                }
                b'{' | b'[' => {
                    self.out.append(&[byte])?;
                    self.level += 1;
                    let next = bytes.get(skip_blanks(bytes, at + 1));
                    if !matches!(next, Some(b'}' | b']')) {
                        self.new_line()?;
                    }
                }
                b'}' | b']' => {
                    self.level = self.level.saturating_sub(1);
                    self.new_line()?;
                    self.out.append(&[byte])?;
                }
                b',' => {
                    self.out.append(if self.line_end.is_some() { b"," } else { b", " })?;
                    self.new_line()?;
                }
                b':' => self.out.append(b": ")?,
                byte if is_blank(byte) => {}
                _ => {
                    let length = bytes[at..]
                        .iter()
                        .take_while(|&&it| !is_blank(it) && !b",:]}".contains(&it))
                        .count();
                    self.scalar(&text[at..at + length], numbers)?;
                    at += length;
                    continue;
                }
            }
            at += 1;
        }
        Ok(())
    }

    fn new_line(&mut self) -> Result<(), BufferFull> {
        let Some(line_end) = self.line_end else {
            return Ok(());
        };
        self.out.append(line_end.as_bytes())?;
        (0..self.level).try_for_each(|_| self.out.append(b"    "))
    }

    fn scalar(&mut self, text: &str, numbers: Numbers) -> Result<(), BufferFull> {
        let number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        match numbers {
            Numbers::ByValue if number => match canonical(text) {
                Some(canonical) => self.out.append(canonical.as_bytes()),
                None => self.out.append(text.as_bytes()),
            },
            _ => self.out.append(text.as_bytes()),
        }
    }

    fn string(&mut self, inside: &str, numbers: Numbers) -> Result<(), BufferFull> {
        self.out.append(b"\"")?;
        let escapes = numbers == Numbers::ByValue && inside.contains('\\');
        if is_printable(inside.as_bytes()) && !escapes {
            self.out.append(inside.as_bytes())?;
        } else if numbers == Numbers::ByValue {
            Unescaped::new(inside).try_for_each(|char| append_escaped(self.out, char))?;
        } else {
            // Escapes stay unchanged.
            for char in inside.chars() {
                match char {
                    ' '..='~' => self.out.append(&[char as u8])?,
                    char => append_escaped(self.out, char)?,
                }
            }
        }
        self.out.append(b"\"")
    }
}

/// Returns the length of the string's content at the start of the text.
fn length_inside(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += plain_prefix(bytes.get(at..).unwrap_or_default());
        match bytes.get(at) {
            None => return text.len(),
            Some(b'"') => return at,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;

    const TEXT: &str = "{\"a\":[1.0,\n {}, [ ] ,\"é\\/\\u0041\u{7F}\"],\"b\":null}";

    fn written(write: impl FnOnce(&mut Vec<u8>) -> Result<(), BufferFull>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_line_is_ascii_with_blanks_after_commas_and_colons() {
        assert_eq!(
            written(|out| append_line(out, TEXT)),
            r#"{"a": [1.0, {}, [], "\u00E9\/\u0041\u007F"], "b": null}"#
        );
        assert_eq!(
            written(|out| lay_out_compact(out, TEXT, Numbers::ByValue)),
            r#"{"a": [1, {}, [], "\u00E9/A\u007F"], "b": null}"#
        );
        let plain = r#"{"a":1,  "b":[ ]}"#;
        assert_eq!(written(|out| append_line(out, plain)), plain, "printable ASCII is unchanged");
    }

    #[test]
    fn many_lines_are_indented_and_empty_containers_take_two() {
        assert_eq!(
            written(|out| lay_out_pretty(out, r#"{"a":[1,{}],"b":[]}"#, "\r\n")),
            "{\r\n    \"a\": [\r\n        1,\r\n        {\r\n        }\r\n    ],\r\n    \"b\": [\r\n    ]\r\n}"
        );
    }
}
