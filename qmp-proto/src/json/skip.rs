//! Passing over a value without reading it, several times as fast as walking over it.

use super::walk::walk_value;
use super::{JsonError, JsonFlaw, Lenient};

const BLOCK: usize = 64;

/// Passes over the value that begins at `at`; where it ends, if it is valid. An object or an array
/// is not checked: it ends where its brackets balance, whatever kinds they are.
///
/// `limit` bounds the levels, the value's own included.
pub(crate) fn skip_value(text: &[u8], at: usize, limit: usize) -> Result<usize, JsonError> {
    if !matches!(text.get(at), Some(b'{' | b'[')) {
        return walk_value(text, at, limit, &mut Lenient);
    }
    let mut brackets = Brackets { at, limit, depth: 0, inside_string: false, escaped: false };
    let mut rest = text.get(at..).unwrap_or_default();
    // On a microcontroller a block takes longer than its bytes one by one, and a kilobyte of flash.
    if cfg!(target_pointer_width = "64") {
        while let Some((block, after)) = rest.split_first_chunk::<BLOCK>() {
            if let Some(end) = brackets.follow_block(block)? {
                return Ok(end);
            }
            rest = after;
        }
    }
    let end = brackets.follow(rest)?;
    end.ok_or_else(|| JsonError::new(JsonFlaw::Incomplete, text.len()))
}

/// How things stand before the byte `at`.
struct Brackets {
    at: usize,
    limit: usize,
    depth: usize,
    inside_string: bool,
    escaped: bool,
}

impl Brackets {
    /// Where the value ends, if it does in this block.
    fn follow_block(&mut self, block: &[u8; BLOCK]) -> Result<Option<usize>, JsonError> {
        if self.escaped || has_backslash(block) {
            return self.follow(block);
        }
        // A bit for each byte, the first byte's lowest.
        let quotes = where_is(block, |byte| byte == b'"');
        let inside_strings = between_pairs(quotes) ^ if self.inside_string { u64::MAX } else { 0 };
        // The kinds of brackets are told apart by one bit.
        let opens = where_is(block, |byte| byte | 0x20 == b'{') & !inside_strings;
        let closes = where_is(block, |byte| byte | 0x20 == b'}') & !inside_strings;
        let mut brackets = opens | closes;
        while brackets != 0 {
            let at = self.at + brackets.trailing_zeros() as usize;
            let lowest = brackets & brackets.wrapping_neg();
            if let Some(end) = self.pass(opens & lowest != 0, at)? {
                return Ok(Some(end));
            }
            brackets ^= lowest;
        }
        self.inside_string = inside_strings >> (BLOCK - 1) == 1;
        self.at += BLOCK;
        Ok(None)
    }

    /// The same, a byte at a time.
    fn follow(&mut self, bytes: &[u8]) -> Result<Option<usize>, JsonError> {
        for &byte in bytes {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.inside_string => self.escaped = true,
                b'"' => self.inside_string = !self.inside_string,
                b'{' | b'[' | b'}' | b']' if !self.inside_string => {
                    if let Some(end) = self.pass(matches!(byte, b'{' | b'['), self.at)? {
                        return Ok(Some(end));
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        Ok(None)
    }

    /// Passes the bracket that stands at `at`.
    fn pass(&mut self, opens: bool, at: usize) -> Result<Option<usize>, JsonError> {
        if !opens {
            self.depth -= 1;
            return Ok((self.depth == 0).then_some(at + 1));
        }
        if self.depth == self.limit {
            return Err(JsonError::new(JsonFlaw::TooDeep { limit: self.limit }, at));
        }
        self.depth += 1;
        Ok(None)
    }
}

// These two are written so that compilers compare many bytes at once.

fn has_backslash(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(false, |found, &byte| found | (byte == b'\\'))
}

fn where_is(block: &[u8; BLOCK], wanted: impl Fn(u8) -> bool) -> u64 {
    // Multiplied by this, the lowest bits of eight bytes come together in the highest byte.
    const TOGETHER: u64 = 0x0102_0408_1020_4080;
    let found = block.map(|byte| u8::from(wanted(byte)));
    let mut rest = found.as_slice();
    let mut bits = 0;
    for shift in (0..BLOCK).step_by(8) {
        if let Some((word, after)) = rest.split_first_chunk::<8>() {
            bits |= (u64::from_le_bytes(*word).wrapping_mul(TOGETHER) >> 56) << shift;
            rest = after;
        }
    }
    bits
}

/// The bits from each odd one, itself included, up to the next.
const fn between_pairs(bits: u64) -> u64 {
    let mut sums = bits;
    let mut distance = 1;
    while distance < u64::BITS {
        sums ^= sums << distance;
        distance *= 2;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::MAX_DEPTH;

    #[test]
    fn a_valid_value_ends_where_walking_over_it_does() {
        let inside = r#"{"a": ["]", "\"}", {"b\\": [1, true, {}, []]}], "c": "{", "d": "ü"}"#;
        for before in 0..130 {
            for after in 0..70 {
                let text = ["[", &" ".repeat(before), inside, &" ".repeat(after), "]], x"].concat();
                let text = text.as_bytes();
                let walked = walk_value(text, 0, MAX_DEPTH, &mut Lenient);
                assert_eq!(skip_value(text, 0, MAX_DEPTH), walked);
            }
        }
        assert_eq!(skip_value(b"12, 3", 0, 1), Ok(2));
        // No JSON; but nothing outside a string is escaped.
        assert_eq!(skip_value(b"[\\], 3", 0, 1), Ok(3));
    }

    #[test]
    fn what_breaks_off_and_what_is_too_deep_is_found() {
        let deep = ["[".repeat(200), "]".repeat(200)].concat();
        assert_eq!(skip_value(deep.as_bytes(), 0, 200), Ok(400));
        let error = skip_value(deep.as_bytes(), 0, 199).unwrap_err();
        assert_eq!((error.flaw(), error.at()), (JsonFlaw::TooDeep { limit: 199 }, 199));
        for end in 1..400 {
            let error = skip_value(&deep.as_bytes()[..end], 0, 200).unwrap_err();
            assert_eq!((error.flaw(), error.at()), (JsonFlaw::Incomplete, end));
        }
    }

    #[test]
    fn strings_are_seen_wherever_they_stand() {
        for before in 0..70 {
            for length in 0..140 {
                for filling in ["]", "\\\"", "\\\\"] {
                    let string = ["\"", &filling.repeat(length), "\""].concat();
                    let text = ["[", &" ".repeat(before), &string, "]]"].concat();
                    assert_eq!(skip_value(text.as_bytes(), 0, 1), Ok(text.len() - 1));
                }
            }
        }
    }
}
