//! A model of the parser of QEMU, the storage daemon and the agent.
//!
//! It was written from the replies of real servers, and is compared with recorded replies below.
//! Brackets are counted and not matched, strings may be in apostrophes, and after an invalid token
//! or a limit the rest is read as a new message. So one message can become two, and a client has to
//! be careful.

mod number;
mod parser;
#[cfg(test)]
mod recorded;

use number::Number;
use parser::{Kind, Parser, Token, unquoted};

const LONGEST: usize = 64 * 1024 * 1024;
const MOST_TOKENS: usize = 2 * 1024 * 1024;
const DEEPEST: i64 = 1024;

/// An item that the server reads, and to which it sends one reply.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Read {
    Message(Message),
    /// A value that is not an object.
    NotAnObject,
    /// An error, with words of its description.
    Error(&'static str),
}

/// The members of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) text: Vec<u8>,
    members: Vec<(String, Vec<u8>)>,
}

impl Message {
    /// Returns the text of a member's value.
    pub(crate) fn member(&self, name: &str) -> Option<&[u8]> {
        let member = self.members.iter().find(|(it, _)| it == name);
        member.map(|(_, value)| &value[..])
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.members.iter().map(|(name, _)| &name[..]).collect()
    }

    /// Returns the requested command, in-band or out-of-band.
    pub(crate) fn command(&self) -> Option<String> {
        let value = self.member("execute").or_else(|| self.member("exec-oob"))?;
        unquoted(value).ok()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Server {
    state: State,
    /// All bytes from the first token of a message on.
    text: Vec<u8>,
    /// The start of the current token in `text`.
    start: usize,
    tokens: Vec<Token>,
    token_text: usize,
    braces: i64,
    brackets: i64,
    read: Vec<Read>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    Between,
    String {
        quote: u8,
        escaped: bool,
    },
    Number(Number),
    Keyword,
    /// After an error, up to a byte with which a message can start or continue.
    Recovering,
}

impl Server {
    /// Reads more bytes, and returns the items.
    pub(crate) fn reads(&mut self, bytes: &[u8]) -> Vec<Read> {
        let mut rest = bytes;
        while let [byte, after @ ..] = rest {
            while !self.read_byte(*byte) {}
            rest = self.read_plain(after);
        }
        std::mem::take(&mut self.read)
    }

    /// Returns whether the input ends between messages.
    pub(crate) fn is_between_messages(&self) -> bool {
        self.tokens.is_empty() && self.state == State::Between
    }

    /// Reads the plain bytes of a string at once, and returns the rest.
    fn read_plain<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let State::String { quote, escaped: false } = self.state else { return bytes };
        let ends = |byte: &u8| *byte == quote || matches!(byte, 0..0x20 | b'\\' | 0xFE..);
        let (plain, rest) = bytes.split_at(bytes.iter().position(ends).unwrap_or(bytes.len()));
        self.text.extend_from_slice(plain);
        rest
    }

    /// Reads one byte. Returns `false` if it only ended a token and has to be read again.
    fn read_byte(&mut self, byte: u8) -> bool {
        match self.state {
            State::Recovering => {
                let resumes =
                    b"[]{}:,".contains(&byte) || (byte < 0x20 && byte != b'\t') || byte >= 0xFE;
                if resumes {
                    self.state = State::Between;
                }
                return !resumes;
            }
            State::Between => {
                if self.tokens.is_empty() {
                    self.text.clear();
                }
                self.start = self.text.len();
                self.text.push(byte);
                self.state = match byte {
                    b' ' | b'\t' | b'\r' | b'\n' => State::Between,
                    b'{' | b'}' | b'[' | b']' | b':' | b',' => {
                        self.token(Kind::Punctuation(byte));
                        State::Between
                    }
                    b'"' | b'\'' => State::String { quote: byte, escaped: false },
                    b'-' => State::Number(Number::Minus),
                    b'0' => State::Number(Number::Zero),
                    b'1'..=b'9' => State::Number(Number::Digits),
                    b'a'..=b'z' => State::Keyword,
                    _ => self.stray(),
                };
            }
            State::String { quote, escaped } => {
                self.text.push(byte);
                self.state = match byte {
                    0..0x20 | 0xFE.. => self.stray(),
                    _ if escaped => State::String { quote, escaped: false },
                    b'\\' => State::String { quote, escaped: true },
                    _ if byte == quote => {
                        self.token(Kind::String);
                        State::Between
                    }
                    _ => self.state,
                };
            }
            State::Keyword => {
                if !byte.is_ascii_lowercase() {
                    self.token(Kind::Keyword);
                    self.state = State::Between;
                    return false;
                }
                self.text.push(byte);
            }
            State::Number(number) => match number.followed_by(byte) {
                Some(number) => {
                    self.text.push(byte);
                    self.state = State::Number(number);
                }
                None if number.is_whole(byte) => {
                    self.token(Kind::Number);
                    self.state = State::Between;
                    return false;
                }
                None => self.state = self.stray(),
            },
        }
        true
    }

    /// Handles an invalid token, which ends the message, including the byte.
    fn stray(&mut self) -> State {
        self.over(Read::Error("stray"));
        State::Recovering
    }

    fn token(&mut self, kind: Kind) {
        match kind {
            Kind::Punctuation(b'{') => self.braces += 1,
            Kind::Punctuation(b'}') => self.braces -= 1,
            Kind::Punctuation(b'[') => self.brackets += 1,
            Kind::Punctuation(b']') => self.brackets -= 1,
            _ => {}
        }
        let end = self.text.len();
        let length = end - self.start;
        if self.token_text + length + 1 > LONGEST {
            return self.over(Read::Error("token size"));
        }
        if self.tokens.len() + 1 > MOST_TOKENS {
            return self.over(Read::Error("token count"));
        }
        if self.braces + self.brackets > DEEPEST {
            return self.over(Read::Error("nesting"));
        }
        self.token_text += length;
        self.tokens.push(Token { kind, start: self.start, end });
        let open = self.braces > 0 || self.brackets > 0;
        if open && self.braces >= 0 && self.brackets >= 0 {
            return;
        }
        let read = self.parse();
        self.over(read);
    }

    fn over(&mut self, read: Read) {
        self.read.push(read);
        (self.braces, self.brackets, self.token_text) = (0, 0, 0);
        self.tokens.clear();
        self.text.clear();
        self.start = 0;
    }

    fn parse(&self) -> Read {
        match Parser::parse(&self.text, &self.tokens) {
            Err(error) => Read::Error(error),
            Ok(_) if self.tokens[0].kind != Kind::Punctuation(b'{') => Read::NotAnObject,
            Ok(members) => {
                Read::Message(Message { text: self.text[self.tokens[0].start..].to_vec(), members })
            }
        }
    }
}
