//! Skipping the rest of a broken message.

use super::ParseError;
use super::reader::{Found, Reader, State, Step};
use super::resume::{Beginning, Trail};

impl Reader {
    /// Starts skipping inside a broken message, possibly inside a string. `text` is its part that
    /// was read.
    ///
    /// Brackets and strings are followed as in a valid message, so that the whole message is
    /// skipped, and neither objects nor strings inside are read as messages. Skipping ends where
    /// the client has recognisably begun another message, which [`Trail`] determines.
    pub(super) fn begin_skipping(&mut self, text: &[u8], string: Option<u8>, escaped: bool) {
        let open = self.open;
        self.begin(State::Skipping { string, escaped, trail: Trail::behind(text) });
        self.open = open;
    }

    /// Skips bytes outside of messages up to one with which a message can begin, as QEMU does.
    pub(super) fn recover<'b>(&mut self, text: &'b [u8]) -> Step<'b> {
        let resumes = |byte: &u8| match byte {
            b'[' | b']' | b'{' | b'}' | b':' | b',' => true,
            byte => (*byte < 0x20 && *byte != b'\t') || *byte >= 0xFE,
        };
        match text.iter().position(resumes) {
            Some(at) => {
                self.begin(State::Between);
                Step::Pass(at)
            }
            None if text.is_empty() => Step::More,
            None => Step::Pass(text.len()),
        }
    }

    /// Skips the rest of a broken message.
    pub(super) fn skip<'b>(
        &mut self,
        text: &'b [u8],
        mut string: Option<u8>,
        mut escaped: bool,
        mut trail: Trail,
    ) -> Step<'b> {
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            if byte == b'{' && trail.may_begin(string) {
                match Beginning::at(&text[at..], self.bounds.length) {
                    Beginning::Quoted(quote) if trail.begins(string, quote) => {
                        self.begin(State::Between);
                        return Step::Pass(at);
                    }
                    Beginning::Quoted(_) | Beginning::No => {}
                    Beginning::Unknown => {
                        self.state = State::Skipping { string, escaped, trail };
                        return if at == 0 { Step::More } else { Step::Pass(at) };
                    }
                }
            }
            let behind_escape = trail.is_behind_escape();
            trail.pass(byte);
            match (string, byte) {
                (_, 0xFE..) => {
                    self.begin(State::Recovering);
                    let bytes = &text[at..=at];
                    let found = Found::Broken { text: bytes, error: ParseError::Stray(bytes) };
                    return Step::Found { used: at + 1, found };
                }
                (Some(_), _) if escaped => escaped = false,
                (Some(_), b'\\') => escaped = true,
                (Some(quote), byte) if byte == quote => string = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => string = Some(byte),
                // In the escape sequence of a key of a terminal, nothing closes this bracket.
                (None, b'[') if behind_escape => {}
                (None, b'{' | b'}' | b'[' | b']') => self.open.count(byte),
                (None, _) => {}
            }
            at += 1;
            match string {
                None if !self.open.any() => {
                    self.begin(State::Between);
                    return Step::Pass(at);
                }
                Some(quote) if !escaped && !trail.at_start => {
                    let ends =
                        |byte: &u8| matches!(byte, 0..b' ' | b'\\' | 0xFE..) || *byte == quote;
                    let end = text[at..].iter().position(ends).map_or(text.len(), |end| at + end);
                    if end > at {
                        trail.pass_plain(&text[at..end]);
                        at = end;
                    }
                }
                _ => {}
            }
        }
        self.state = State::Skipping { string, escaped, trail };
        if text.is_empty() { Step::More } else { Step::Pass(text.len()) }
    }
}
