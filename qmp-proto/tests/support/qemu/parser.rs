//! Parsing the tokens of one message.

use std::collections::HashSet;

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Punctuation(u8),
    String,
    Number,
    Keyword,
}

pub(super) struct Parser<'a> {
    text: &'a [u8],
    tokens: &'a [Token],
    /// The members of the outermost object.
    members: Vec<(String, Vec<u8>)>,
}

impl<'a> Parser<'a> {
    /// Reads the tokens of one value, and returns its members if it is an object.
    pub(super) fn parse(
        text: &'a [u8],
        tokens: &'a [Token],
    ) -> Result<Vec<(String, Vec<u8>)>, &'static str> {
        let mut parser = Self { text, tokens, members: Vec::new() };
        parser.value(true)?;
        assert!(parser.tokens.is_empty(), "the model is wrong");
        Ok(parser.members)
    }

    fn next(&mut self) -> Result<Token, &'static str> {
        let (first, rest) = self.tokens.split_first().ok_or("premature EOI")?;
        self.tokens = rest;
        Ok(*first)
    }

    fn text(&self, token: Token) -> &'a [u8] {
        &self.text[token.start..token.end]
    }

    fn value(&mut self, outermost: bool) -> Result<(), &'static str> {
        let token = self.next()?;
        match token.kind {
            Kind::Number => Ok(()),
            Kind::String => unquoted(self.text(token)).map(drop),
            Kind::Keyword => match self.text(token) {
                b"true" | b"false" | b"null" => Ok(()),
                _ => Err("invalid keyword"),
            },
            Kind::Punctuation(b'{') => self.object(outermost),
            Kind::Punctuation(b'[') => self.array(),
            Kind::Punctuation(_) => Err("expecting value"),
        }
    }

    fn array(&mut self) -> Result<(), &'static str> {
        if self.passes(b']') {
            return Ok(());
        }
        loop {
            self.value(false)?;
            match self.next()?.kind {
                Kind::Punctuation(b']') => return Ok(()),
                Kind::Punctuation(b',') => {}
                _ => return Err("expected separator in list"),
            }
        }
    }

    fn object(&mut self, outermost: bool) -> Result<(), &'static str> {
        if self.passes(b'}') {
            return Ok(());
        }
        let mut names = HashSet::new();
        loop {
            let first = self.tokens.first().copied();
            self.value(false)?;
            let name = match first {
                Some(token) if token.kind == Kind::String => unquoted(self.text(token))?,
                _ => return Err("key is not a string in object"),
            };
            if self.next()?.kind != Kind::Punctuation(b':') {
                return Err("missing : in object pair");
            }
            let start = self.tokens.first().map_or(0, |token| token.start);
            let before = self.tokens;
            self.value(false)?;
            let last = before[before.len() - self.tokens.len() - 1];
            if outermost {
                let value = self.text[start..last.end].to_vec();
                self.members.push((name.clone(), value));
            }
            if !names.insert(name) {
                return Err("duplicate key");
            }
            match self.next()?.kind {
                Kind::Punctuation(b'}') => return Ok(()),
                Kind::Punctuation(b',') => {}
                _ => return Err("expected separator in dict"),
            }
        }
    }

    fn passes(&mut self, byte: u8) -> bool {
        match self.tokens.split_first() {
            Some((token, rest)) if token.kind == Kind::Punctuation(byte) => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }
}

/// Returns the text of a string, which includes its quotes.
pub(super) fn unquoted(token: &[u8]) -> Result<String, &'static str> {
    const INVALID: &str = "not a valid Unicode character";
    const INVALID_UTF8: &str = "invalid UTF-8 sequence in string";
    let mut rest = token.get(1..token.len() - 1).ok_or("expecting value")?;
    let mut meant = String::new();
    loop {
        // Long strings mostly consist of such characters.
        let plain = rest.iter().take_while(|byte| matches!(byte, b' '..0x7F if **byte != b'\\'));
        let (plain, others) = rest.split_at(plain.count());
        meant.extend(plain.iter().map(|byte| char::from(*byte)));
        rest = others;
        let Some((&first, after)) = rest.split_first() else { return Ok(meant) };
        let is_escape = first == b'\\';
        let mut character = if !is_escape {
            // Modified UTF-8: zero in two bytes.
            let length = match first {
                0xC0 if after.first() == Some(&0x80) => 2,
                0..0x80 => 1,
                0xC0..0xE0 => 2,
                0xE0..0xF0 => 3,
                _ => 4,
            };
            let bytes = rest.get(..length).ok_or(INVALID_UTF8)?;
            rest = &rest[length..];
            match bytes {
                b"\xC0\x80" => '\0',
                _ => std::str::from_utf8(bytes)
                    .ok()
                    .and_then(|text| text.chars().next())
                    .ok_or(INVALID_UTF8)?,
            }
        } else {
            let (&kind, after) = after.split_first().ok_or("invalid escape sequence in string")?;
            rest = after;
            match kind {
                b'"' | b'\'' | b'\\' | b'/' => kind as char,
                b'b' => '\x08',
                b'f' => '\x0C',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => {
                    let mut units = vec![unit(&mut rest).ok_or(INVALID)?];
                    if (0xD800..0xDC00).contains(&units[0]) {
                        rest = rest.strip_prefix(b"\\u").ok_or(INVALID)?;
                        units.push(unit(&mut rest).ok_or(INVALID)?);
                    }
                    let joined = String::from_utf16(&units).map_err(|_| INVALID)?;
                    joined.chars().next().ok_or(INVALID)?
                }
                _ => return Err("invalid escape sequence in string"),
            }
        };
        let code = character as u32;
        if code & 0xFFFE == 0xFFFE || (0xFDD0..0xFDF0).contains(&code) {
            return Err(if is_escape { INVALID } else { INVALID_UTF8 });
        }
        if character == '\0' {
            // In QEMU's format.
            character = '\u{FFFFF}';
        }
        meant.push(character);
    }
}

fn unit(rest: &mut &[u8]) -> Option<u16> {
    let digits = std::str::from_utf8(rest.get(..4)?).ok()?;
    *rest = &rest[4..];
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}
