//! Skipping a value without validating it, several times as fast as walking over it.

use super::block::{BLOCK, Block, is_opening};
use super::walk::walk_value;
use super::{JsonError, JsonErrorKind, Lenient};

/// Skips the value at `at`, and returns its end. An object or an array is not validated: it ends
/// where its brackets balance, of whichever kind.
///
/// `limit` is the maximum depth, including the value's own level.
pub(crate) fn skip_value(text: &[u8], at: usize, limit: usize) -> Result<usize, JsonError> {
    if !matches!(text.get(at), Some(b'{' | b'[')) {
        return walk_value(text, at, limit, &mut Lenient);
    }
    let mut brackets = Brackets { at, limit, depth: 0, inside_string: false, escaped: false };
    let rest = text.get(at..).unwrap_or_default();
    // On a microcontroller blocks are slower than single bytes, and take a kilobyte of flash.
    let passed = if cfg!(target_pointer_width = "64") {
        brackets.pass_blocks(rest)
    } else {
        brackets.pass_bytes(rest)
    };
    match passed {
        Passed::All => Err(JsonError::new(JsonErrorKind::Incomplete, text.len())),
        Passed::End { at } => Ok(at),
        Passed::TooDeep { at } => Err(JsonError::new(JsonErrorKind::TooDeep { limit }, at)),
    }
}

/// The result of following brackets.
enum Passed {
    All,
    End { at: usize },
    TooDeep { at: usize },
}

/// The state before the byte `at`.
struct Brackets {
    at: usize,
    limit: usize,
    depth: usize,
    inside_string: bool,
    escaped: bool,
}

impl Brackets {
    fn pass_blocks(&mut self, bytes: &[u8]) -> Passed {
        let mut rest = bytes;
        loop {
            let mut last = [b' '; BLOCK];
            let (bytes, after) = match rest.split_first_chunk() {
                Some((block, after)) => (block, Some(after)),
                None => {
                    // Blanks after the text have no effect.
                    if let Some(part) = last.get_mut(..rest.len()) {
                        part.copy_from_slice(rest);
                    }
                    (&last, None)
                }
            };
            match self.pass_block(bytes) {
                Passed::All => {}
                passed => return passed,
            }
            match after {
                Some(after) => rest = after,
                None => return Passed::All,
            }
        }
    }

    #[inline(always)]
    fn pass_block(&mut self, bytes: &[u8; BLOCK]) -> Passed {
        let block = if self.escaped { None } else { Block::read(bytes, self.inside_string) };
        let Some(block) = block else {
            return self.pass_bytes(bytes);
        };
        let mut brackets = block.brackets;
        while brackets != 0 {
            let within = brackets.trailing_zeros() as usize;
            let bracket = bytes.get(within).copied().unwrap_or_default();
            match self.pass(bracket, self.at + within) {
                Passed::All => {}
                passed => return passed,
            }
            // Clears the lowest bit.
            brackets &= brackets - 1;
        }
        self.inside_string = block.ends_inside_string();
        self.at += BLOCK;
        Passed::All
    }

    fn pass_bytes(&mut self, bytes: &[u8]) -> Passed {
        for &byte in bytes {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.inside_string => self.escaped = true,
                b'"' => self.inside_string = !self.inside_string,
                b'{' | b'[' | b'}' | b']' if !self.inside_string => {
                    match self.pass(byte, self.at) {
                        Passed::All => {}
                        passed => return passed,
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        Passed::All
    }

    #[inline(always)]
    fn pass(&mut self, bracket: u8, at: usize) -> Passed {
        if !is_opening(bracket) {
            self.depth -= 1;
            return if self.depth == 0 { Passed::End { at: at + 1 } } else { Passed::All };
        }
        if self.depth == self.limit {
            return Passed::TooDeep { at };
        }
        self.depth += 1;
        Passed::All
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::MAX_DEPTH;

    #[test]
    fn a_valid_value_has_the_same_end_as_by_walking() {
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
        // Not JSON, but a backslash outside a string is not an escape.
        assert_eq!(skip_value(b"[\\], 3", 0, 1), Ok(3));
    }

    #[test]
    fn incomplete_and_too_deep_values_are_errors() {
        let deep = ["[".repeat(200), "]".repeat(200)].concat();
        assert_eq!(skip_value(deep.as_bytes(), 0, 200), Ok(400));
        let error = skip_value(deep.as_bytes(), 0, 199).unwrap_err();
        assert_eq!((error.kind(), error.offset()), (JsonErrorKind::TooDeep { limit: 199 }, 199));
        for end in 1..400 {
            let error = skip_value(&deep.as_bytes()[..end], 0, 200).unwrap_err();
            assert_eq!((error.kind(), error.offset()), (JsonErrorKind::Incomplete, end));
        }
    }

    #[test]
    fn strings_are_recognised_at_any_position() {
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
