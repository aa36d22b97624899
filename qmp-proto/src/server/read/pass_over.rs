//! What becomes of the rest of something that is broken.

use super::Flaw;
use super::reader::{Found, Reader, State, Step};

impl Reader {
    /// Goes on inside a message that is broken, inside a string of it perhaps.
    ///
    /// Its brackets and strings are followed as if nothing was wrong with it, so that all of it is
    /// passed over, and nothing of it is taken for a message.
    pub(super) fn begin_skipping(&mut self, string: Option<u8>, escaped: bool) {
        let open = self.open;
        self.begin(State::Skipping { string, escaped });
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
    ) -> Step<'b> {
        for (at, &byte) in text.iter().enumerate() {
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
                (None, b'{' | b'}' | b'[' | b']') => self.open.count(byte),
                (None, _) => {}
            }
            if string.is_none() && !self.open.any() {
                self.begin(State::Between);
                return Step::Pass(at + 1);
            }
        }
        self.state = State::Skipping { string, escaped };
        if text.is_empty() { Step::More } else { Step::Pass(text.len()) }
    }
}
