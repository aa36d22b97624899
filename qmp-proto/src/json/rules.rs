//! What is asked of a text beside being JSON.

use super::string::is_noncharacter;
use super::{JsonErrorKind, Names};

/// QEMU's limits for one message: more is taken as the beginning of another.
const MAX_TOKENS: usize = 2_097_152;

/// What is asked of a text beside being JSON.
pub(crate) trait Rules<'a> {
    /// Called with every token; the walk ends with the flaw.
    fn token(&mut self) -> Result<(), JsonErrorKind>;
    /// Called with the raw bytes of a string between escapes.
    fn plain(&mut self, bytes: &[u8]) -> Result<(), JsonErrorKind>;
    /// Called with the character of every escape.
    fn escaped(&mut self, char: char) -> Result<(), JsonErrorKind>;
    /// Called with every number.
    fn number(&mut self, digits: &[u8]) -> Result<(), JsonErrorKind>;
    /// Called when an object opens.
    fn open_object(&mut self) -> Result<(), JsonErrorKind>;
    /// Called with the inside of every member's name.
    fn name(&mut self, name: &'a [u8]) -> Result<(), JsonErrorKind>;
    /// Called when an object closes.
    fn close_object(&mut self) -> Result<(), JsonErrorKind>;
}

/// JSON and no more: for what is received.
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

/// What QEMU reads as exactly one value: for what is sent.
#[derive(Default)]
pub(crate) struct Strict<'a> {
    tokens: usize,
    names: Names<'a>,
}

impl Strict<'_> {
    /// For a text that so many tokens of the same message stand around.
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
    fn tokens_around_a_text_count() {
        let mut rules = Strict::inside(MAX_TOKENS - 2);
        let counted = [(); 3].map(|()| rules.token());
        assert_eq!(counted, [Ok(()), Ok(()), Err(JsonErrorKind::TooManyTokens)]);
    }
}
