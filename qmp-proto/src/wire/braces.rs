//! Whether a long line is one object, seen by its braces alone, many bytes at once.
//!
//! In a sequence of JSON objects another one begins behind a brace that closes the one before, with
//! blanks between them at most. So a line in which no closing brace has blanks or an opening brace
//! behind it holds no end of an object but its own; and if it has as many closing braces as opening
//! ones, its last brace is that end. What is taken for granted is that no string makes up for a brace
//! that is missing: see "Framing" in `docs/architecture.md`.

/// From here on a line is long.
pub(crate) const LONG: usize = 4096;

/// Follows the braces of a line through the pieces that it comes in.
#[derive(Clone, Debug)]
pub(crate) struct Braces {
    /// How far the line was followed.
    at: usize,
    /// How many more braces were opened than closed.
    depth: isize,
    /// A closing brace had something else behind it than a comma or a closing bracket.
    doubt: bool,
}

impl Braces {
    pub(crate) const fn new() -> Self {
        Self { at: 0, depth: 0, doubt: false }
    }

    /// Goes on in `text`, which begins with the line and holds all of it that was followed before, or
    /// is a part of that.
    ///
    /// Returns whether the line may hold the end of an object.
    pub(crate) fn follow(&mut self, text: &[u8]) -> bool {
        // What is behind the last byte is not known yet.
        let end = text.len().saturating_sub(1);
        if self.at > end {
            *self = Self::new();
        }
        if !self.doubt && self.at < end {
            let bytes = text.get(self.at..end).unwrap_or_default();
            let behind = text.get(self.at + 1..).unwrap_or_default();
            match sum(bytes, behind) {
                Some(sum) => self.depth += sum,
                None => self.doubt = true,
            }
            self.at = end;
        }
        self.doubt || text.last() == Some(&b'}')
    }

    /// Whether the line is one object, if it is whole: a piece of a line may look like one.
    pub(crate) fn prove(&mut self, line: &[u8]) -> bool {
        self.follow(line) && !self.doubt && self.depth == 1
    }
}

/// How many more braces are opened than closed in `bytes`. `None` if a closing one has something
/// else behind it than a comma or a closing bracket; `behind` are the same bytes from the second on,
/// and one more.
///
/// Written so that compilers compare many bytes at once.
fn sum(bytes: &[u8], behind: &[u8]) -> Option<isize> {
    const BLOCK: usize = 128;
    /// A comma, `]` and `}` have none of these bits after a comma is subtracted. An opening brace and
    /// all blanks have.
    const ENDS: u8 = 0x82;
    let mut depth = 0;
    let (mut bytes, mut behind) = (bytes, behind);
    while let (Some((block, after)), Some((next, after_next))) =
        (bytes.split_first_chunk::<BLOCK>(), behind.split_first_chunk::<BLOCK>())
    {
        let (mut ends, mut sum) = (0, 0_u8);
        for (byte, next) in block.iter().zip(next) {
            let closes = 0_u8.wrapping_sub(u8::from(*byte == b'}'));
            let opens = 0_u8.wrapping_sub(u8::from(*byte == b'{'));
            ends |= closes & next.wrapping_sub(b',');
            sum = sum.wrapping_add(closes).wrapping_sub(opens);
        }
        // A sum of 128 is that of a block of nothing else, which is not JSON outside of strings.
        if (ends & ENDS != 0) | (sum == 128) {
            return None;
        }
        depth += isize::from(sum as i8);
        (bytes, behind) = (after, after_next);
    }
    for (byte, next) in bytes.iter().zip(behind) {
        match byte {
            b'{' => depth += 1,
            b'}' if next.wrapping_sub(b',') & ENDS != 0 => return None,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    Some(depth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    /// Whether a line is proved whole; in pieces it has to be the same.
    fn proved(line: &str) -> bool {
        let proved = Braces::new().prove(line.as_bytes());
        for length in [1, 7, 128, 200] {
            let mut braces = Braces::new();
            for end in (0..line.len()).step_by(length) {
                braces.follow(&line.as_bytes()[..end]);
            }
            assert_eq!(braces.prove(line.as_bytes()), proved, "in pieces of {length}: {line}");
        }
        proved
    }

    #[test]
    fn one_object_is_proved_and_what_holds_more_or_less_is_not() {
        let inside = "{\"a\": [{\"b\": {}}, {}], \"c\": \"{}, {}\"}, ".repeat(30);
        for start in 0..130 {
            let blanks = " ".repeat(start);
            let line = format!("{{{blanks}\"return\": [{inside}{{}}], \"id\": 1}}");
            let other = line.replace("{}\"}", "{}, \"}");
            assert!(!proved(&line), "there is a quote behind a brace");
            assert!(proved(&other), "{other}");
            assert!(!proved(other.trim_end_matches('}')));
            for between in ["", " ", "\r", "\t", "\r\n"] {
                assert!(!proved(&[&other, between, &other].concat()));
            }
            assert!(!proved(&other.replacen("{}", "{}{", 1)));
            assert!(!proved(&other.replacen("{\"b\": {}}", "{\"b\": {}", 1)));
        }
    }

    #[test]
    fn an_end_is_possible_at_the_last_byte_and_where_something_strange_is_behind_a_brace() {
        let may_end = |text: &str| Braces::new().follow(text.as_bytes());
        assert!(may_end("{\"a\": {}") && may_end("{}{\"a") && may_end("{} "));
        assert!(!may_end("{\"a\": [{}]") && !may_end("{\"a\": {}, ") && !may_end(""));
        assert!(may_end("{\"a\": \"}\""), "only the exact count knows of strings");
    }

    #[test]
    fn a_block_of_nothing_but_braces_is_not_proved() {
        for length in [127, 128, 129, 256, 300] {
            for brace in ["{", "}"] {
                assert!(!proved(&format!("{{\"a\": \"{}, \"}}", brace.repeat(length))));
            }
        }
    }
}
