//! Text of a server that is printed as text.

use std::borrow::Cow;

use qmp_blocking::Escaped;

/// Returns text for the output. On a terminal everything but line ends and tabs is escaped that a
/// terminal obeys.
pub(crate) fn shown(text: &str, terminal: bool) -> Cow<'_, str> {
    if !terminal {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for piece in text.split_inclusive(['\n', '\t']) {
        let (piece, end) = match piece.strip_suffix(['\n', '\t']) {
            Some(before) => (before, &piece[before.len()..]),
            None => (piece, ""),
        };
        shown.push_str(&Escaped(piece).to_string());
        shown.push_str(end);
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_lines_and_tabs_but_no_sequences() {
        let text = "a\tb\n\u{1b}[2Jc\r\n";
        assert_eq!(shown(text, true), "a\tb\n\\u{1b}[2Jc\\r\n");
        assert_eq!(shown(text, false), text);
    }
}
