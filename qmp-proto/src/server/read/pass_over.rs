//! What becomes of the rest of something that is broken.

use super::Flaw;
use super::reader::{Found, Reader, State, Step};
use super::resume::{Beginning, Trail};

impl Reader {
    /// Goes on inside a message that is broken, inside a string of it perhaps. `text` is what was
    /// read of it.
    ///
    /// Its brackets and strings are followed as if nothing was wrong with it, so that all of it is
    /// passed over, and nothing of it is taken for a message: neither what is between its brackets nor
    /// what somebody else has put into its strings. Where the client has plainly begun another message
    /// it has given this one up; [`Trail`] tells.
    pub(super) fn begin_skipping(&mut self, text: &[u8], string: Option<u8>, escaped: bool) {
        let open = self.open;
        self.begin(State::Skipping { string, escaped, trail: Trail::behind(text) });
        self.open = open;
    }

    /// Outside any message QEMU goes on where one could begin, and so does this.
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

    /// Passes over what is left of a broken message.
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
                    let found = Found::Broken { text: bytes, flaw: Flaw::Stray(bytes) };
                    return Step::Found { used: at + 1, found };
                }
                (Some(_), _) if escaped => escaped = false,
                (Some(_), b'\\') => escaped = true,
                (Some(quote), byte) if byte == quote => string = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => string = Some(byte),
                // A key that a terminal sends as a sequence: nothing closes this bracket.
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
