//! Finding the end of an object by its brackets, in pieces.

use crate::json::{BLOCK, Block, JsonErrorKind, Nesting, is_blank, is_opening, plain_prefix};

/// Follows one object through pieces of input.
#[derive(Clone, Debug)]
pub(crate) struct Balance {
    nesting: Nesting,
    /// The number of bytes that were followed.
    at: usize,
    inside_string: bool,
    /// Whether the last byte was a backslash inside a string.
    escaped: bool,
    line_feed: bool,
}

/// The state of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Balanced {
    /// The object is incomplete.
    Open,
    /// The object ends before this byte.
    Ends { at: usize },
    /// The object is not JSON from this byte on.
    Broken { at: usize, kind: JsonErrorKind },
    /// The object was cut off: at this byte, on a new line, another object starts that cannot be
    /// part of it.
    CutOff { at: usize },
}

impl Balance {
    pub(crate) const fn new() -> Self {
        Self {
            nesting: Nesting::new(),
            at: 0,
            inside_string: false,
            escaped: false,
            line_feed: false,
        }
    }

    /// Returns whether the object contains a line feed.
    pub(crate) const fn has_line_feed(&self) -> bool {
        self.line_feed
    }

    /// Returns the number of bytes that were followed.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Continues in `text`, which starts with the object and contains all bytes that were followed
    /// before.
    ///
    /// A result other than [`Open`](Balanced::Open) is final.
    pub(crate) fn follow(&mut self, text: &[u8], depth: usize) -> Balanced {
        loop {
            let rest = text.get(self.at..).unwrap_or_default();
            if rest.is_empty() {
                return Balanced::Open;
            }
            let found = match rest.first_chunk() {
                // On a microcontroller blocks are slower than single bytes.
                Some(bytes) if cfg!(target_pointer_width = "64") && !self.escaped => {
                    self.follow_block(text, bytes, depth)
                }
                _ => self.follow_bytes(text, depth),
            };
            if let Some(found) = found {
                return found;
            }
        }
    }

    fn follow_block(&mut self, text: &[u8], bytes: &[u8; BLOCK], depth: usize) -> Option<Balanced> {
        let block = Block::read(bytes, self.inside_string);
        let Some((line_feeds, block)) = block.and_then(|it| Some((it.line_feeds(bytes)?, it)))
        else {
            return self.follow_bytes(text, depth);
        };
        let start = self.at;
        let mut brackets = block.brackets;
        while brackets != 0 {
            let within = brackets.trailing_zeros();
            self.at = start + within as usize;
            let bracket = bytes.get(within as usize).copied().unwrap_or_default();
            self.line_feed |= line_feeds & ((1 << within) - 1) != 0;
            let found = self.bracket(bracket, text, depth);
            if found.is_some() {
                // The bracket is outside of strings.
                self.inside_string = false;
                return found;
            }
            // Clears the lowest bit.
            brackets &= brackets - 1;
        }
        self.inside_string = block.ends_inside_string();
        self.line_feed |= line_feeds != 0;
        self.at = start + BLOCK;
        None
    }

    /// Follows up to [`BLOCK`] bytes.
    fn follow_bytes(&mut self, text: &[u8], depth: usize) -> Option<Balanced> {
        let end = text.len().min(self.at + BLOCK);
        while self.at < end {
            let rest = text.get(self.at..end).unwrap_or_default();
            if self.inside_string && !self.escaped {
                self.at += plain_prefix(rest);
            }
            let Some(&byte) = text.get(self.at).filter(|_| self.at < end) else {
                break;
            };
            match byte {
                _ if self.escaped => self.escaped = false,
                b'"' => self.inside_string = !self.inside_string,
                b'\\' if self.inside_string => self.escaped = true,
                _ if self.inside_string => {
                    return Some(self.broken(JsonErrorKind::ControlCharacter));
                }
                b'{' | b'[' | b'}' | b']' => {
                    let found = self.bracket(byte, text, depth);
                    if found.is_some() {
                        return found;
                    }
                }
                b'\n' => self.line_feed = true,
                _ => {}
            }
            self.at += 1;
        }
        None
    }

    /// Handles the bracket at the current position.
    #[inline(always)]
    fn bracket(&mut self, bracket: u8, text: &[u8], depth: usize) -> Option<Balanced> {
        let of_object = bracket & 0x20 != 0;
        if is_opening(bracket) {
            if self.line_feed && bracket == b'{' && self.is_cut_off(text) {
                return Some(Balanced::CutOff { at: self.at });
            }
            let opened = self.nesting.open(of_object, depth);
            return if opened {
                None
            } else {
                Some(self.broken(JsonErrorKind::TooDeep { limit: depth }))
            };
        }
        if !self.nesting.close(of_object) {
            return Some(self.broken(JsonErrorKind::Syntax));
        }
        if self.nesting.depth() > 0 {
            return None;
        }
        self.at += 1;
        Some(Balanced::Ends { at: self.at })
    }

    /// Returns whether the opening brace at the current position is the first byte of a line that
    /// is not blank, and no value can start there.
    fn is_cut_off(&self, text: &[u8]) -> bool {
        let before = text.get(..self.at).unwrap_or_default();
        let mut blanks = before.iter().rev().take_while(|byte| is_blank(**byte));
        if !blanks.any(|&byte| byte == b'\n') {
            return false;
        }
        match before.iter().rfind(|byte| !is_blank(**byte)) {
            Some(b':') => false,
            Some(b'[' | b',') => self.nesting.in_object(),
            _ => true,
        }
    }

    const fn broken(&self, kind: JsonErrorKind) -> Balanced {
        Balanced::Broken { at: self.at, kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;

    /// Follows the text whole, in two pieces and a byte at a time, which must agree.
    fn follow(text: &str) -> (Balanced, bool) {
        let text = text.as_bytes();
        let pieces = |ends: &mut dyn Iterator<Item = usize>| {
            let mut balance = Balance::new();
            let mut found = Balanced::Open;
            for end in ends {
                found = balance.follow(&text[..end], 4);
                if found != Balanced::Open {
                    break;
                }
            }
            (found, balance.has_line_feed())
        };
        let whole = pieces(&mut [text.len()].into_iter());
        assert_eq!(pieces(&mut (1..=text.len())), whole, "a byte at a time");
        for end in 1..text.len() {
            assert_eq!(pieces(&mut [end, text.len()].into_iter()), whole, "cut at {end}");
        }
        whole
    }

    #[test]
    fn an_object_ends_where_its_brackets_balance() {
        assert_eq!(follow("{}{"), (Balanced::Ends { at: 2 }, false));
        for blanks in [0, 40, 70] {
            let text = format!("{{\r\n{}\"a]}}\\\"}}\": [{{}}]}}rest\n", " ".repeat(blanks));
            assert_eq!(follow(&text), (Balanced::Ends { at: text.len() - 5 }, true));
        }
        assert_eq!(follow("{\"a\": \"\\u00"), (Balanced::Open, false));
    }

    #[test]
    fn an_invalid_object_is_broken_at_its_first_invalid_byte() {
        for blanks in [0, 40, 70] {
            let at = |text: &str, kind| {
                let text = format!("{{{}{text}", " ".repeat(blanks));
                let end = text.trim_end_matches('x').len() - 1;
                assert_eq!(follow(&text).0, Balanced::Broken { at: end, kind }, "{text}");
            };
            at("]", JsonErrorKind::Syntax);
            at("[}]".trim_end_matches(']'), JsonErrorKind::Syntax);
            at(&["[}", &"x".repeat(70)].concat(), JsonErrorKind::Syntax);
            at("\"a\n", JsonErrorKind::ControlCharacter);
            at(&["\"a\u{1}", &"x".repeat(70)].concat(), JsonErrorKind::ControlCharacter);
            at("[[[[", JsonErrorKind::TooDeep { limit: 4 });
        }
    }

    #[test]
    fn a_line_that_cannot_continue_the_object_starts_another() {
        for blanks in ["", " ", &" ".repeat(70)] {
            for cut in [
                "{",
                "{\"a\"",
                "{\"a\": 1",
                "{\"a\": 1,",
                "{\"a\": {}",
                "{\"a\": [1",
                "{\"a\": [1], \"b\":\t{",
            ] {
                let text = format!("{cut}{blanks}\r\n\n{blanks}{{}}");
                let at = text.len() - 2;
                assert_eq!(follow(&text), (Balanced::CutOff { at }, true), "{text}");
            }
            for goes_on in ["{\"a\":", "{\"a\": [", "{\"a\": [{},"] {
                let text = format!("{goes_on}{blanks}\n{blanks}{{}}");
                assert_eq!(follow(&text), (Balanced::Open, true), "{text}");
            }
            let text: String = format!("{{\"a\": \n1{blanks}{{}}{{}}");
            assert_eq!(follow(&text), (Balanced::Open, true), "not at the start of a line");
        }
    }
}
