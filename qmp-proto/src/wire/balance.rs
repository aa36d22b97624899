//! Finding the end of an object by its brackets, a piece at a time.

use crate::json::{BLOCK, Block, JsonErrorKind, Nesting, is_blank, is_opening, plain_prefix};

/// Follows one object through the pieces that it comes in.
#[derive(Clone, Debug)]
pub(crate) struct Balance {
    nesting: Nesting,
    /// How far the object was followed.
    at: usize,
    inside_string: bool,
    /// The last byte was a backslash inside a string.
    escaped: bool,
    line_feed: bool,
}

/// What became of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Balanced {
    /// It goes on.
    Open,
    /// It ends before this byte.
    Ends { at: usize },
    /// It is not JSON, which shows at this byte.
    Broken { at: usize, flaw: JsonErrorKind },
    /// It was cut off: the object that begins at this byte, on a new line, cannot be part of it.
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

    /// Whether the object had a line feed inside.
    pub(crate) const fn has_line_feed(&self) -> bool {
        self.line_feed
    }

    /// How far the object was followed.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Goes on in `text`, which begins with the object and holds all of it that was followed before.
    ///
    /// What is not [`Open`](Balanced::Open) stays what it is.
    pub(crate) fn follow(&mut self, text: &[u8], depth: usize) -> Balanced {
        loop {
            let rest = text.get(self.at..).unwrap_or_default();
            if rest.is_empty() {
                return Balanced::Open;
            }
            let found = match rest.first_chunk() {
                // On a microcontroller a block takes longer than its bytes one by one.
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
                // No string is open where a bracket counts.
                self.inside_string = false;
                return found;
            }
            // Without its lowest bit.
            brackets &= brackets - 1;
        }
        self.inside_string = block.ends_inside_string();
        self.line_feed |= line_feeds != 0;
        self.at = start + BLOCK;
        None
    }

    /// Follows the next bytes, as many as a block has.
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

    /// Passes the bracket that is there.
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

    /// Whether the opening brace that stands there is the first of a line, and no value may begin
    /// there.
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

    const fn broken(&self, flaw: JsonErrorKind) -> Balanced {
        Balanced::Broken { at: self.at, flaw }
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
    fn an_object_ends_where_its_brackets_do() {
        assert_eq!(follow("{}{"), (Balanced::Ends { at: 2 }, false));
        for blanks in [0, 40, 70] {
            let text = format!("{{\r\n{}\"a]}}\\\"}}\": [{{}}]}}rest\n", " ".repeat(blanks));
            assert_eq!(follow(&text), (Balanced::Ends { at: text.len() - 5 }, true));
        }
        assert_eq!(follow("{\"a\": \"\\u00"), (Balanced::Open, false));
    }

    #[test]
    fn what_is_not_an_object_is_noticed_where_it_breaks() {
        for blanks in [0, 40, 70] {
            let at = |text: &str, flaw| {
                let text = format!("{{{}{text}", " ".repeat(blanks));
                let end = text.trim_end_matches('x').len() - 1;
                assert_eq!(follow(&text).0, Balanced::Broken { at: end, flaw }, "{text}");
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
    fn a_line_that_no_value_may_continue_begins_another_object() {
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
