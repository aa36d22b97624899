//! Displaying text of a peer.

use core::fmt::{self, Write};

/// Displays text of a peer without characters that control a terminal or a log.
///
/// Control characters (ESC, BEL, line ends, C1), characters that change the direction of text, and
/// characters of no width are written as Rust escapes: `\u{1b}`, `\n`. All others are written
/// unchanged, including quotes and backslashes, so ordinary text is displayed as it was sent. For
/// the same reason the output is not reversible.
///
/// Errors of this project display the text of a peer this way. Accessors such as
/// [`Failure::description`](crate::Failure::description) return the text unchanged; wrap the result
/// to print it.
///
/// Width and precision of the formatter do not apply.
///
/// ```
/// use qmp_proto::Escaped;
///
/// let description = "no such file\n\u{1b}[31mERROR forged line";
/// assert_eq!(Escaped(description).to_string(), r"no such file\n\u{1b}[31mERROR forged line");
/// assert_eq!(Escaped("Device 'net0' \u{e9}").to_string(), "Device 'net0' é");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Escaped<T>(pub T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

/// The same as `Display`.
impl<T: fmt::Display> fmt::Debug for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// [`Escaped`] for bytes: those that are not UTF-8 are written as `\xff`.
///
/// ```
/// use qmp_proto::EscapedBytes;
///
/// assert_eq!(EscapedBytes(b"caf\xe9\x07").to_string(), r"caf\xe9\u{7}");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EscapedBytes<'a>(pub &'a [u8]);

impl fmt::Display for EscapedBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            Escaping(f).write_str(chunk.valid())?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// The same as `Display`.
impl fmt::Debug for EscapedBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Escapes what is written to it.
struct Escaping<'f, 'b>(&'f mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, char)) = rest.char_indices().find(|(_, char)| is_control(*char)) {
            self.0.write_str(rest.get(..at).unwrap_or_default())?;
            write!(self.0, "{}", char.escape_default())?;
            rest = rest.get(at + char.len_utf8()..).unwrap_or_default();
        }
        self.0.write_str(rest)
    }
}

/// Returns whether the character may control a terminal or a log instead of being displayed.
pub(crate) const fn is_control(char: char) -> bool {
    matches!(char,
        // C0, DEL and C1.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // Marks, embeddings, overrides and isolates of direction; line and paragraph separators.
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        // Characters of no width, annotations and tags.
        | '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    /// Rust's `escape_debug` escapes all characters that are not printed. It also escapes quotes,
    /// backslashes, combining characters, and characters that are unassigned, private or wide
    /// blanks.
    #[test]
    fn every_control_and_format_character_is_escaped() {
        for char in ('\0'..=char::MAX).filter(|char| *char != ' ') {
            let escaped = Escaped(char).to_string();
            assert_eq!(is_control(char), escaped != char.to_string(), "{}", char.escape_default());
            if is_control(char) {
                assert!(escaped.is_ascii() && escaped.starts_with('\\'), "{escaped}");
                assert_eq!(char.escape_debug().next(), Some('\\'), "{escaped} is printed");
            }
            if char.is_control() {
                assert!(is_control(char), "{escaped}");
            }
        }
    }

    #[test]
    fn ordinary_text_is_unchanged() {
        for text in ["", "Device 'net0' not \"found\" in C:\\x", "é 😀 日本 नि e\u{301}", "{}: [1]"]
        {
            assert_eq!(Escaped(text).to_string(), text);
            assert_eq!(EscapedBytes(text.as_bytes()).to_string(), text);
        }
    }

    #[test]
    fn every_piece_of_a_displayed_value_is_escaped() {
        let value = crate::JsonStr::new(r"a\u001b\u202E\nb");
        assert_eq!(Escaped(value).to_string(), r"a\u{1b}\u{202e}\nb");
        assert_eq!(std::format!("{:?}", Escaped("\u{7}")), r"\u{7}");
        assert_eq!(EscapedBytes(b"\xc3\x28\x1b\xf0\x9f").to_string(), r"\xc3(\u{1b}\xf0\x9f");
    }
}
