//! Finding the start and end of a client's messages.

use memchr::{memchr, memchr3_iter};

use super::number::{Number, NumberState};
use super::resume::Trail;
use super::{Limit, ParseError};
use crate::json::{plain_prefix, skip_blanks};
use crate::wire::Bounds;

/// One more than the bytes of tokens that QEMU accepts in a message.
const LONGEST: usize = 64 * 1024 * 1024;
/// The number of tokens that QEMU accepts in a message.
const MOST_TOKENS: usize = 2 * 1024 * 1024;

/// Reads the stream of a client byte by byte, in pieces of any length.
///
/// As in QEMU, a message needs no line end: it ends when as many brackets of each kind were closed
/// as were opened. At an invalid token or a limit QEMU starts again with the rest, and executes
/// commands that it finds inside the broken message. This reader skips the rest of that message,
/// unless the client begins another one.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Reader {
    pub(super) bounds: Bounds,
    pub(super) state: State,
    /// The number of bytes that were read of the input that will be passed again.
    at: usize,
    /// The start of the current token in it.
    token: usize,
    /// The number of tokens of this message before the current one.
    tokens: usize,
    token_text: usize,
    pub(super) open: Open,
    extended: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    Between,
    String {
        quote: u8,
        escaped: bool,
    },
    Number(Number),
    Keyword,
    /// Outside of messages, up to a byte with which one can begin.
    Recovering,
    /// Inside a broken message, up to its end or the start of another.
    Skipping {
        string: Option<u8>,
        escaped: bool,
        trail: Trail,
    },
}

/// The number of open brackets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Open {
    braces: i64,
    brackets: i64,
}

/// A value or an error in the stream.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) enum Found<'b> {
    /// A text with balanced brackets, or without brackets. `extended` if it contains QEMU's
    /// extensions to JSON.
    Value { text: &'b [u8], extended: bool },
    /// An invalid text, up to the byte at which the error was found.
    Broken { text: &'b [u8], error: ParseError<'b> },
}

/// The number of bytes used, and what was found in them.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Read<'b> {
    pub(in crate::server) used: usize,
    pub(in crate::server) found: Option<Found<'b>>,
}

pub(super) enum Step<'b> {
    /// This number of bytes was used.
    Pass(usize),
    Again,
    More,
    Found {
        used: usize,
        found: Found<'b>,
    },
}

impl Reader {
    pub(in crate::server) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            state: State::Between,
            at: 0,
            token: 0,
            tokens: 0,
            token_text: 0,
            open: Open::default(),
            extended: false,
        }
    }

    /// Returns whether a part of a message was read.
    pub(in crate::server) fn is_inside_message(&self) -> bool {
        self.tokens > 0 || !matches!(self.state, State::Between | State::Recovering)
    }

    /// Finds the next value or error in the input. The bytes that were not used have to be passed
    /// again, followed by more.
    pub(in crate::server) fn read<'b>(&mut self, input: &'b [u8]) -> Read<'b> {
        let mut start = 0;
        loop {
            let text = &input[start..];
            let step = match self.state {
                State::Between => self.between(text),
                State::String { quote, escaped } => self.string(text, quote, escaped),
                State::Number(number) => self.number(text, number),
                State::Keyword => self.keyword(text),
                State::Recovering => self.recover(text),
                State::Skipping { string, escaped, trail } => {
                    self.skip(text, string, escaped, trail)
                }
            };
            match step {
                Step::Pass(used) => start += used,
                Step::Again => {}
                Step::More => return Read { used: start, found: None },
                Step::Found { used, found } => {
                    return Read { used: start + used, found: Some(found) };
                }
            }
        }
    }

    fn between<'b>(&mut self, text: &'b [u8]) -> Step<'b> {
        let at = skip_blanks(text, self.at);
        if self.tokens == 0 && at > 0 {
            self.at = 0;
            return Step::Pass(at);
        }
        self.at = at.min(self.bounds.length);
        self.token = self.at;
        let Some(&byte) = text.get(self.at) else {
            return Step::More;
        };
        if self.at >= self.end() {
            return self.beyond(text, Limit::Length, None);
        }
        self.at += 1;
        match byte {
            b'{' | b'}' | b'[' | b']' => {
                self.open.count(byte);
                self.token_ends(text)
            }
            b':' | b',' => self.token_ends(text),
            b'"' | b'\'' => {
                self.extended |= byte == b'\'';
                self.state = State::String { quote: byte, escaped: false };
                Step::Again
            }
            b'a'..=b'z' => {
                self.state = State::Keyword;
                Step::Again
            }
            _ => match Number::begin(byte) {
                Some(number) => {
                    self.state = State::Number(number);
                    Step::Again
                }
                None => self.stray(text, self.at - 1, self.at, None),
            },
        }
    }

    fn string<'b>(&mut self, text: &'b [u8], quote: u8, mut escaped: bool) -> Step<'b> {
        let end = self.end();
        while let Some(&byte) = text.get(self.at) {
            if self.at >= end {
                return self.beyond(text, Limit::Length, Some((quote, escaped)));
            }
            if matches!(byte, 0..0x20 | 0xFE..) {
                return self.stray(text, self.at, self.at + 1, Some(quote));
            }
            if escaped {
                escaped = false;
                self.extended |= byte == b'\'';
            } else if byte == quote {
                self.at += 1;
                return self.token_ends(text);
            } else if byte == b'\\' {
                escaped = true;
            } else {
                self.extended |= byte == 0xC0;
                // The byte can be the other kind of quote, which `plain` stops at.
                let rest = &text[self.at + 1..end.min(text.len()).max(self.at + 1)];
                self.at += self.plain(rest, quote);
            }
            self.at += 1;
        }
        self.state = State::String { quote, escaped };
        Step::More
    }

    /// Returns the number of leading bytes that have no special meaning inside a string.
    fn plain(&mut self, text: &[u8], quote: u8) -> usize {
        let plain = plain_prefix(text);
        let plain = match quote {
            b'"' => plain,
            _ => memchr(quote, &text[..plain]).unwrap_or(plain),
        };
        for at in memchr3_iter(0xC0, 0xFE, 0xFF, &text[..plain]) {
            if text[at] != 0xC0 {
                return at;
            }
            self.extended = true;
        }
        plain
    }

    fn number<'b>(&mut self, text: &'b [u8], mut number: Number) -> Step<'b> {
        while let Some(&byte) = text.get(self.at) {
            match number.next(byte) {
                NumberState::Ends => return self.token_ends(text),
                // A bracket that makes a number invalid is counted.
                NumberState::Breaks => return self.stray(text, self.at, self.at, None),
                NumberState::Continues(_) if self.at >= self.end() => {
                    return self.beyond(text, Limit::Length, None);
                }
                NumberState::Continues(further) => number = further,
            }
            self.at += 1;
        }
        self.state = State::Number(number);
        Step::More
    }

    fn keyword<'b>(&mut self, text: &'b [u8]) -> Step<'b> {
        while let Some(&byte) = text.get(self.at) {
            if !byte.is_ascii_lowercase() {
                return self.token_ends(text);
            }
            if self.at >= self.end() {
                return self.beyond(text, Limit::Length, None);
            }
            self.at += 1;
        }
        Step::More
    }

    /// Returns the latest possible end of the current token.
    fn end(&self) -> usize {
        let room = LONGEST - 1 - self.token_text;
        self.token.saturating_add(room).min(self.bounds.length)
    }

    fn token_ends<'b>(&mut self, text: &'b [u8]) -> Step<'b> {
        self.state = State::Between;
        self.tokens += 1;
        self.token_text += self.at - self.token;
        if self.tokens > MOST_TOKENS {
            return self.beyond(text, Limit::Tokens, None);
        }
        if self.open.depth() > self.bounds.depth as i64 {
            return self.beyond(text, Limit::Depth, None);
        }
        if self.open.any() {
            return Step::Again;
        }
        let (used, extended) = (self.at, self.extended);
        self.begin(State::Between);
        Step::Found { used, found: Found::Value { text: &text[..used], extended } }
    }

    /// Reports an invalid token, found at the byte `last`. The rest of the message starts at
    /// `rest`.
    fn stray<'b>(
        &mut self,
        text: &'b [u8],
        last: usize,
        rest: usize,
        string: Option<u8>,
    ) -> Step<'b> {
        let text = &text[..=last];
        let found = Found::Broken { text, error: ParseError::Stray(&text[self.token..]) };
        // 0xFE and 0xFF are not in any text, so the client starts again after them.
        if text[last] >= 0xFE || !self.open.any() {
            self.begin(State::Recovering);
            return Step::Found { used: last + 1, found };
        }
        self.begin_skipping(&text[..rest], string, false);
        Step::Found { used: rest, found }
    }

    /// Reports a limit that the byte at `self.at` exceeds.
    fn beyond<'b>(&mut self, text: &'b [u8], limit: Limit, string: Option<(u8, bool)>) -> Step<'b> {
        let used = self.at;
        match string {
            Some((quote, escaped)) => self.begin_skipping(&text[..used], Some(quote), escaped),
            None if self.open.any() => self.begin_skipping(&text[..used], None, false),
            None => self.begin(State::Recovering),
        }
        let found = Found::Broken { text: &text[..used], error: ParseError::Limit(limit) };
        Step::Found { used, found }
    }

    pub(super) fn begin(&mut self, state: State) {
        *self = Self { state, ..Self::new(self.bounds) };
    }
}

impl Open {
    pub(super) fn count(&mut self, bracket: u8) {
        match bracket {
            b'{' => self.braces += 1,
            b'}' => self.braces -= 1,
            b'[' => self.brackets += 1,
            _ => self.brackets -= 1,
        }
    }

    /// Returns whether the message is incomplete.
    pub(super) const fn any(self) -> bool {
        (self.braces > 0 || self.brackets > 0) && self.braces >= 0 && self.brackets >= 0
    }

    const fn depth(self) -> i64 {
        self.braces + self.brackets
    }
}
