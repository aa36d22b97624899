//! Determining by braces alone, many bytes at once, whether a long line is one object.
//!
//! In a sequence of JSON objects, each object starts after the closing brace of the previous one,
//! with optional blanks between them. So if no closing brace in a line is followed by a blank or an
//! opening brace, the line contains no end of an object except its own; and if it has as many
//! closing braces as opening ones, its last brace is that end. This assumes that no brace inside a
//! string compensates for a missing one: see "Framing" in `docs/architecture.md`.

/// The length from which on a line is long.
pub(crate) const LONG: usize = 4096;

/// Follows the braces of a line through pieces of input.
#[derive(Clone, Debug)]
pub(crate) struct Braces {
    /// The number of bytes that were followed.
    at: usize,
    /// The number of opening braces minus the number of closing ones.
    depth: isize,
    /// Whether a closing brace was followed by another byte than a comma or a closing bracket.
    doubt: bool,
}

impl Braces {
    pub(crate) const fn new() -> Self {
        Self { at: 0, depth: 0, doubt: false }
    }

    /// Continues in `text`, which starts with the line and contains all bytes that were followed
    /// before, or is a part of these.
    ///
    /// Returns whether the line may contain the end of an object.
    pub(crate) fn follow(&mut self, text: &[u8]) -> bool {
        // The byte after the last one is unknown yet.
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

    /// Returns whether a complete line is one object. The result for a part of a line is
    /// meaningless.
    pub(crate) fn prove(&mut self, line: &[u8]) -> bool {
        self.follow(line) && !self.doubt && self.depth == 1
    }
}

/// Returns the number of opening braces in `bytes` minus the number of closing ones, or `None` if a
/// closing brace is followed by another byte than a comma or a closing bracket. `behind` are the
/// same bytes from the second on, and one more.
///
/// Written so that compilers compare many bytes at once.
fn sum(bytes: &[u8], behind: &[u8]) -> Option<isize> {
    const BLOCK: usize = 128;
    /// The bits that a comma, `]` and `}` lack after subtraction of a comma, and that an opening
    /// brace and all blanks have.
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
        // A sum of 128 means a block of braces only, which is not JSON outside of strings.
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

    /// Returns whether a line is proved, which must not depend on the pieces.
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
    fn one_object_is_proved_and_more_or_less_is_not() {
        let inside = "{\"a\": [{\"b\": {}}, {}], \"c\": \"{}, {}\"}, ".repeat(30);
        for start in 0..130 {
            let blanks = " ".repeat(start);
            let line = format!("{{{blanks}\"return\": [{inside}{{}}], \"id\": 1}}");
            let other = line.replace("{}\"}", "{}, \"}");
            assert!(!proved(&line), "a quote follows a brace");
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
    fn an_end_is_possible_at_the_last_byte_and_at_an_unusual_byte_after_a_brace() {
        let may_end = |text: &str| Braces::new().follow(text.as_bytes());
        assert!(may_end("{\"a\": {}") && may_end("{}{\"a") && may_end("{} "));
        assert!(!may_end("{\"a\": [{}]") && !may_end("{\"a\": {}, ") && !may_end(""));
        assert!(may_end("{\"a\": \"}\""), "only the exact count excludes strings");
    }

    #[test]
    fn a_block_of_braces_only_is_not_proved() {
        for length in [127, 128, 129, 256, 300] {
            for brace in ["{", "}"] {
                assert!(!proved(&format!("{{\"a\": \"{}, \"}}", brace.repeat(length))));
            }
        }
    }
}
