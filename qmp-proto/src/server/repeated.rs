//! Parts of a client's message in error replies.

use core::fmt::{self, Write};

/// The length of QEMU's buffer for error texts.
pub(super) const REPEATED: usize = 1023;

/// Displays a part of a client's message, truncated after 1023 bytes.
pub(super) struct Repeated<T>(pub(super) T);

impl<T: fmt::Display> fmt::Display for Repeated<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Clipped { f, room: REPEATED }, "{}", self.0)
    }
}

struct Clipped<'f, 'a> {
    f: &'f mut fmt::Formatter<'a>,
    room: usize,
}

impl Write for Clipped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = if text.len() <= self.room { text.len() } else { floor(text, self.room) };
        // Nothing follows the truncated part.
        self.room = if end == text.len() { self.room - end } else { 0 };
        self.f.write_str(&text[..end])
    }
}

/// Returns the last boundary of a character at or before `end`.
fn floor(text: &str, mut end: usize) -> usize {
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn repeated_text_is_truncated_between_characters() {
        for (text, length) in [("a", 1023), ("é", 1022), ("\u{1F600}", 1020)] {
            let long = text.repeat(2000);
            assert_eq!(Repeated(&long).to_string(), long[..length]);
            let pieces = std::format_args!("{long}{long}").to_string();
            assert_eq!(Repeated(&pieces).to_string(), long[..length]);
        }
        assert_eq!(
            Repeated(std::format_args!("{}{}", "é".repeat(600), "a")).to_string().len(),
            1022
        );
        assert_eq!(Repeated("a".repeat(1023)).to_string().len(), 1023);
        assert_eq!(Repeated("short").to_string(), "short");
    }
}
