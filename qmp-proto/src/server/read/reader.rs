//! Where the messages of a client begin and end.

use memchr::{memchr, memchr3_iter};

use super::number::{Number, NumberState};
use super::resume::Trail;
use super::{Flaw, Limit};
use crate::json::{plain_prefix, skip_blanks};
use crate::wire::Bounds;

/// As many bytes of tokens QEMU takes as one message, less one.
const LONGEST: usize = 64 * 1024 * 1024;
/// As many tokens QEMU takes as one message.
const MOST_TOKENS: usize = 2 * 1024 * 1024;

/// Follows what a client sends, byte by byte, through however many pieces it comes in.
///
/// As in QEMU a message needs no line end: it is over when as many brackets were closed as were
/// opened, of each kind for itself, whatever stands between them. Where QEMU meets what is no
/// token, or a limit, it starts afresh with the rest, and would run commands that it finds inside
/// the broken message; here the rest of that message is passed over, unless its client begins
/// another.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Reader {
    pub(super) bounds: Bounds,
    pub(super) state: State,
    /// How much of the input that will be presented again was looked at.
    at: usize,
    /// Where in it the token under way begins.
    token: usize,
    /// Of this message, before the token under way.
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
    /// Outside any message: until something with which one could begin.
    Recovering,
    /// Inside a message that is broken: until it is over, or another begins.
    Skipping {
        string: Option<u8>,
        escaped: bool,
        trail: Trail,
    },
}

/// The brackets that are open.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Open {
    braces: i64,
    brackets: i64,
}

/// What a client said.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) enum Found<'b> {
    /// A text whose brackets balance, or that has none. `extended` if it has something in it that
    /// is no JSON, but that QEMU takes.
    Value { text: &'b [u8], extended: bool },
    /// Something else, up to where it was noticed.
    Broken { text: &'b [u8], flaw: Flaw<'b> },
}

/// How much of the input is done with, and what was in it.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Read<'b> {
    pub(in crate::server) used: usize,
    pub(in crate::server) found: Option<Found<'b>>,
}

pub(super) enum Step<'b> {
    /// So many bytes are done with.
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

    /// Whether part of a message was read.
    pub(in crate::server) fn is_inside_message(&self) -> bool {
        self.tokens > 0 || !matches!(self.state, State::Between | State::Recovering)
    }

    /// Looks for the next thing in the input; bytes not used must come again, with more after them.
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
                // The byte itself may be the other kind of quote.
                let rest = &text[self.at + 1..end.min(text.len()).max(self.at + 1)];
                self.at += self.plain(rest, quote);
            }
            self.at += 1;
        }
        self.state = State::String { quote, escaped };
        Step::More
    }

    /// How many bytes from the front mean nothing to the lexer inside a string.
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
                // A bracket that breaks a number counts.
                NumberState::Breaks => return self.stray(text, self.at, self.at, None),
                NumberState::Goes(_) if self.at >= self.end() => {
                    return self.beyond(text, Limit::Length, None);
                }
                NumberState::Goes(further) => number = further,
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

    /// Where the token under way has to end at the latest.
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

    /// Something that is no token, as is known by the byte at `last`; what is left of the message
    /// begins at `rest`.
    fn stray<'b>(
        &mut self,
        text: &'b [u8],
        last: usize,
        rest: usize,
        string: Option<u8>,
    ) -> Step<'b> {
        let text = &text[..=last];
        let found = Found::Broken { text, flaw: Flaw::Stray(&text[self.token..]) };
        // 0xFE and 0xFF are in no text of any kind: whoever sends one wants to begin anew.
        if text[last] >= 0xFE || !self.open.any() {
            self.begin(State::Recovering);
            return Step::Found { used: last + 1, found };
        }
        self.begin_skipping(&text[..rest], string, false);
        Step::Found { used: rest, found }
    }

    /// A limit is passed with what comes at `self.at`.
    fn beyond<'b>(&mut self, text: &'b [u8], limit: Limit, string: Option<(u8, bool)>) -> Step<'b> {
        let used = self.at;
        match string {
            Some((quote, escaped)) => self.begin_skipping(&text[..used], Some(quote), escaped),
            None if self.open.any() => self.begin_skipping(&text[..used], None, false),
            None => self.begin(State::Recovering),
        }
        let found = Found::Broken { text: &text[..used], flaw: Flaw::Limit(limit) };
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

    /// Whether a message goes on.
    pub(super) const fn any(self) -> bool {
        (self.braces > 0 || self.brackets > 0) && self.braces >= 0 && self.brackets >= 0
    }

    const fn depth(self) -> i64 {
        self.braces + self.brackets
    }
}
