//! Requirements on a text in addition to JSON's grammar.

use super::string::is_noncharacter;
use super::{JsonErrorKind, Names};

/// QEMU's token limit for one message. The next token starts another message.
const MAX_TOKENS: usize = 2_097_152;

/// Requirements on a text in addition to JSON's grammar. An error ends the walk.
pub(crate) trait Rules<'a> {
    /// Called for every token.
    fn token(&mut self) -> Result<(), JsonErrorKind>;
    /// Called with the raw bytes of a string between escapes.
    fn plain(&mut self, bytes: &[u8]) -> Result<(), JsonErrorKind>;
    /// Called with the character of every escape.
    fn escaped(&mut self, char: char) -> Result<(), JsonErrorKind>;
    /// Called with every number.
    fn number(&mut self, digits: &[u8]) -> Result<(), JsonErrorKind>;
    /// Called at the start of an object.
    fn open_object(&mut self) -> Result<(), JsonErrorKind>;
    /// Called with the content of every member's name.
    fn name(&mut self, name: &'a [u8]) -> Result<(), JsonErrorKind>;
    /// Called at the end of an object.
    fn close_object(&mut self) -> Result<(), JsonErrorKind>;
}

/// No additional requirements, for received text.
pub(crate) struct Lenient;

impl Rules<'_> for Lenient {
    fn token(&mut self) -> Result<(), JsonErrorKind> {
        Ok(())
    }
    fn plain(&mut self, _: &[u8]) -> Result<(), JsonErrorKind> {
        Ok(())
    }
    fn escaped(&mut self, _: char) -> Result<(), JsonErrorKind> {
        Ok(())
    }
    fn number(&mut self, _: &[u8]) -> Result<(), JsonErrorKind> {
        Ok(())
    }
    fn open_object(&mut self) -> Result<(), JsonErrorKind> {
        Ok(())
    }
    fn name(&mut self, _: &[u8]) -> Result<(), JsonErrorKind> {
        Ok(())
    }
    fn close_object(&mut self) -> Result<(), JsonErrorKind> {
        Ok(())
    }
}

/// The requirements of QEMU's parser, for text to be sent.
#[derive(Default)]
pub(crate) struct Strict<'a> {
    tokens: usize,
    names: Names<'a>,
}

impl Strict<'_> {
    /// Starts with the number of tokens of the message around the text.
    pub(crate) fn inside(tokens: usize) -> Self {
        Self { tokens, ..Self::default() }
    }
}

impl<'a> Rules<'a> for Strict<'a> {
    fn token(&mut self) -> Result<(), JsonErrorKind> {
        self.tokens += 1;
        if self.tokens > MAX_TOKENS { Err(JsonErrorKind::TooManyTokens) } else { Ok(()) }
    }

    fn plain(&mut self, bytes: &[u8]) -> Result<(), JsonErrorKind> {
        if bytes.is_ascii() {
            return Ok(());
        }
        let text = core::str::from_utf8(bytes).map_err(|_| JsonErrorKind::Utf8)?;
        text.chars().try_for_each(|char| self.escaped(char))
    }

    fn escaped(&mut self, char: char) -> Result<(), JsonErrorKind> {
        if is_noncharacter(char) { Err(JsonErrorKind::Noncharacter) } else { Ok(()) }
    }

    fn number(&mut self, digits: &[u8]) -> Result<(), JsonErrorKind> {
        let digits = digits.strip_prefix(b"-").unwrap_or(digits);
        match digits {
            [b'0', b'e' | b'E', ..] => Err(JsonErrorKind::ZeroExponent),
            _ => Ok(()),
        }
    }

    fn open_object(&mut self) -> Result<(), JsonErrorKind> {
        self.names.open()
    }

    fn name(&mut self, name: &'a [u8]) -> Result<(), JsonErrorKind> {
        self.names.add(name)
    }

    fn close_object(&mut self) -> Result<(), JsonErrorKind> {
        self.names.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_around_the_text_are_counted() {
        let mut rules = Strict::inside(MAX_TOKENS - 2);
        let counted = [(); 3].map(|()| rules.token());
        assert_eq!(counted, [Ok(()), Ok(()), Err(JsonErrorKind::TooManyTokens)]);
    }
}
