//! The tokens of JSON and of QEMU's extensions, in text that may be invalid.

use core::ops::Range;

use crate::json::{is_blank, plain_prefix};
use crate::redact::steps::count;

/// A token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token {
    /// An opening bracket: of an object, or of an array.
    Open {
        object: bool,
    },
    /// A closing bracket.
    Close {
        object: bool,
    },
    Colon,
    Comma,
    /// A string in quotes or apostrophes. Without a closing quote it ends with the text.
    String {
        closed: bool,
        escaped: bool,
    },
    /// A number, a keyword, or other bytes in place of one.
    Scalar,
    /// A string with a control character, after which parsers continue differently.
    Broken,
}

/// The tokens of a text.
pub(super) struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Tokens<'t> {
    pub(super) const fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Returns the position from which the next token is searched.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// Skips blanks, and the sentinel bytes of an agent and its clients.
    pub(super) fn skip_sentinels(&mut self) {
        while self.text.get(self.at).is_some_and(|&byte| is_blank(byte) || byte == 0xff) {
            self.at += 1;
        }
    }

    /// Returns the next token and its range.
    pub(super) fn next(&mut self) -> Option<(Token, Range<usize>)> {
        let before = self.at;
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| is_blank(**byte)).count();
        let start = self.at;
        let first = *self.text.get(start)?;
        self.at += 1;
        let token = match first {
            b'{' => Token::Open { object: true },
            b'[' => Token::Open { object: false },
            b'}' => Token::Close { object: true },
            b']' => Token::Close { object: false },
            b':' => Token::Colon,
            b',' => Token::Comma,
            b'"' | b'\'' => self.string(first),
            _ => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                self.at += rest.iter().take_while(|byte| !ends_scalar(**byte)).count();
                Token::Scalar
            }
        };
        count(self.at - before);
        Some((token, start..self.at))
    }

    fn string(&mut self, quote: u8) -> Token {
        let mut escaped = false;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            self.at += match quote {
                b'"' => plain_prefix(rest),
                _ => rest.iter().take_while(|byte| !matches!(byte, b'\'' | b'\\' | ..0x20)).count(),
            };
            match self.text.get(self.at) {
                Some(b'\\') if self.at + 1 < self.text.len() => {
                    escaped = true;
                    self.at += 2;
                }
                Some(byte) if *byte == quote => {
                    self.at += 1;
                    return Token::String { closed: true, escaped };
                }
                Some(b'\\') | None => {
                    self.at = self.text.len();
                    return Token::String { closed: false, escaped: true };
                }
                Some(_) => return Token::Broken,
            }
        }
    }
}

const fn ends_scalar(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'{' | b'[' | b'}' | b']' | b':' | b',' | b'"' | b'\'')
}

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::*;

    fn tokens(text: &str) -> Vec<(Token, String)> {
        let mut tokens = Tokens::new(text.as_bytes());
        core::iter::from_fn(|| tokens.next())
            .map(|(token, range)| (token, text[range].to_string()))
            .collect()
    }

    #[test]
    fn strings_end_at_their_own_quote() {
        let closed = Token::String { closed: true, escaped: true };
        assert_eq!(
            tokens(r#" {'a"\'b' : "c'\"\\" , [-1.5e3]}"#),
            [
                (Token::Open { object: true }, "{"),
                (closed, r#"'a"\'b'"#),
                (Token::Colon, ":"),
                (closed, r#""c'\"\\""#),
                (Token::Comma, ","),
                (Token::Open { object: false }, "["),
                (Token::Scalar, "-1.5e3"),
                (Token::Close { object: false }, "]"),
                (Token::Close { object: true }, "}"),
            ]
            .map(|(token, text)| (token, text.to_string()))
        );
    }

    #[test]
    fn an_incomplete_string_ends_with_the_text() {
        for text in ["\"a", "'a", "\"a\\", "'a\\\\b\\"] {
            let open = Token::String { closed: false, escaped: true };
            assert_eq!(tokens(text), [(open, text.to_string())]);
        }
        assert_eq!(tokens("'a\u{1}b'")[0], (Token::Broken, "'a".to_string()));
        assert_eq!(tokens("\"a\nb\"")[0], (Token::Broken, "\"a".to_string()));
    }
}
