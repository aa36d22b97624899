//! QEMU's grammar, with its order of errors.
//!
//! QEMU compares a member's name with the earlier names after it has read the value. Here the names
//! of an object are compared at its end. At another error, the names of the open objects are
//! compared, too: a duplicate before it is the first error.

use super::number::Number;
use super::{ParseError, string};
use crate::json::{MAX_DEPTH, Names, Nesting, skip_blanks};

/// Visits the members of the outermost object.
pub(super) trait Visit<'b> {
    /// Called with the name of a member, including quotes, and the range of its value.
    fn member(&mut self, name: &'b [u8], value: (usize, usize));
}

/// The token that may follow.
#[derive(Clone, Copy)]
enum Expect {
    Value,
    ValueOrClose,
    Name,
    NameOrClose,
    CommaOrClose,
}

/// Validates a text that the reader found, and visits its members. Returns whether the text is an
/// object. Names can be compared only if the strings are JSON.
pub(super) fn check<'b>(
    text: &'b [u8],
    compare_names: bool,
    visit: &mut impl Visit<'b>,
) -> Result<bool, ParseError<'b>> {
    let mut walk = Walk {
        text,
        at: 0,
        nesting: Nesting::new(),
        name_opened: None,
        member: (&[], 0),
        names: compare_names.then(Names::default),
    };
    let mut expect = Expect::Value;
    while let Some(next) =
        walk.step(expect, visit).map_err(|error| walk.first_error(expect, error))?
    {
        expect = next;
    }
    Ok(text[skip_blanks(text, 0)..].starts_with(b"{"))
}

struct Walk<'b> {
    text: &'b [u8],
    at: usize,
    nesting: Nesting,
    /// The number of open levels at a bracket in place of a name.
    name_opened: Option<usize>,
    /// The name of the current member of the outermost object, and the start of its value.
    member: (&'b [u8], usize),
    names: Option<Names<'b>>,
}

impl<'b> Walk<'b> {
    /// Reads one token, or a name and its colon. Returns the token that may follow, or `None` at
    /// the end.
    fn step(
        &mut self,
        expect: Expect,
        visit: &mut impl Visit<'b>,
    ) -> Result<Option<Expect>, ParseError<'b>> {
        self.at = skip_blanks(self.text, self.at);
        let &byte = self.text.get(self.at).ok_or(ParseError::PrematureEnd)?;
        match (expect, byte) {
            (Expect::NameOrClose, b'}') | (Expect::ValueOrClose, b']') => self.close(byte)?,
            (Expect::CommaOrClose, b'}' | b']') if self.nesting.in_object() == (byte == b'}') => {
                self.close(byte)?;
            }
            (Expect::CommaOrClose, b',') => {
                self.at += 1;
                let in_object = self.nesting.in_object();
                return Ok(Some(if in_object { Expect::Name } else { Expect::Value }));
            }
            (Expect::CommaOrClose, _) if self.nesting.in_object() => {
                return Err(ParseError::SeparatorInObject);
            }
            (Expect::CommaOrClose, _) => return Err(ParseError::SeparatorInArray),
            (Expect::Name | Expect::NameOrClose, b'{' | b'[') => {
                // Inside the bracket, whether the last value is complete is unknown.
                if self.names.as_mut().is_some_and(Names::innermost_has_twice) {
                    return Err(ParseError::DuplicateKey);
                }
                self.name_opened = Some(self.nesting.depth());
                return self.open(byte).map(Some);
            }
            (Expect::Value | Expect::ValueOrClose, b'{' | b'[') => {
                return self.open(byte).map(Some);
            }
            (Expect::Name | Expect::NameOrClose, _) => {
                self.name(byte)?;
                return Ok(Some(Expect::Value));
            }
            (Expect::Value | Expect::ValueOrClose, _) => self.scalar(byte).map(drop)?,
        }
        let is_over = self.value_ended(visit)?;
        Ok((!is_over).then_some(Expect::CommaOrClose))
    }

    /// Returns the error that QEMU reports first.
    fn first_error(&mut self, expect: Expect, error: ParseError<'b>) -> ParseError<'b> {
        let value_is_complete =
            self.nesting.in_object() && !matches!(expect, Expect::Value | Expect::ValueOrClose);
        let twice = self.names.as_mut().is_some_and(|names| {
            value_is_complete && names.innermost_has_twice() || names.complete_has_twice()
        });
        if twice { ParseError::DuplicateKey } else { error }
    }

    fn open(&mut self, bracket: u8) -> Result<Expect, ParseError<'b>> {
        let object = bracket == b'{';
        // The reader has already limited the depth.
        if !self.nesting.open(object, MAX_DEPTH) {
            return Err(ParseError::Limit(super::Limit::Depth));
        }
        self.at += 1;
        if !object {
            return Ok(Expect::ValueOrClose);
        }
        if let Some(names) = &mut self.names {
            names.open().map_err(|_| ParseError::DuplicateKey)?;
        }
        Ok(Expect::NameOrClose)
    }

    fn close(&mut self, bracket: u8) -> Result<(), ParseError<'b>> {
        self.at += 1;
        self.nesting.close(bracket == b'}');
        match &mut self.names {
            Some(names) if bracket == b'}' => names.close().map_err(|_| ParseError::DuplicateKey),
            _ => Ok(()),
        }
    }

    /// Reads a name and its colon.
    fn name(&mut self, byte: u8) -> Result<(), ParseError<'b>> {
        let (start, is_string) = (self.at, self.scalar(byte)?);
        if !is_string {
            return Err(ParseError::NameNoString);
        }
        let name = &self.text[start..self.at];
        self.at = skip_blanks(self.text, self.at);
        if self.text.get(self.at) != Some(&b':') {
            return Err(ParseError::MissingColon);
        }
        if let Some(names) = &mut self.names {
            names.add(&name[1..name.len() - 1]).map_err(|_| ParseError::DuplicateKey)?;
        }
        self.at = skip_blanks(self.text, self.at + 1);
        if self.nesting.depth() == 1 {
            self.member = (name, self.at);
        }
        Ok(())
    }

    /// Reads a token other than a bracket. Returns whether it is a string.
    fn scalar(&mut self, byte: u8) -> Result<bool, ParseError<'b>> {
        let start = self.at;
        match byte {
            b'"' | b'\'' => {
                self.at = string::string_end(self.text, start);
                string::check(&self.text[start..self.at])?;
                Ok(true)
            }
            b'-' | b'0'..=b'9' => {
                self.at = Number::end(self.text, start);
                Ok(false)
            }
            b'a'..=b'z' => {
                let length = self.text[start..].iter().take_while(|it| it.is_ascii_lowercase());
                self.at = start + length.count();
                match &self.text[start..self.at] {
                    b"true" | b"false" | b"null" => Ok(false),
                    word => Err(ParseError::Keyword(word)),
                }
            }
            _ => Err(ParseError::ExpectingValue),
        }
    }

    /// Handles the end of a value. Returns whether it was the outermost.
    fn value_ended(&mut self, visit: &mut impl Visit<'b>) -> Result<bool, ParseError<'b>> {
        let depth = self.nesting.depth();
        if self.name_opened == Some(depth) {
            return Err(ParseError::NameNoString);
        }
        if depth == 1 && self.nesting.in_object() {
            let (name, start) = self.member;
            visit.member(name, (start, self.at));
        }
        Ok(depth == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct IgnoreMembers;

    impl Visit<'_> for IgnoreMembers {
        fn member(&mut self, _: &[u8], _: (usize, usize)) {}
    }

    fn error_of(text: &str) -> std::string::String {
        let error = check(text.as_bytes(), true, &mut IgnoreMembers).unwrap_err();
        let error = std::format!("{error}");
        error.trim_start_matches("JSON parse error, ").into()
    }

    #[test]
    fn errors_are_reported_in_qemus_words_and_order() {
        for (text, words) in [
            ("}", "expecting value"),
            ("{\"a\":1]", "expected separator in dict"),
            ("[1}", "expected separator in list"),
            ("[1 2]", "expected separator in list"),
            ("{\"a\" 1}", "missing : in object pair"),
            ("{1:2}", "key is not a string in object"),
            ("{[{}]:2}", "key is not a string in object"),
            ("{[x]:2}", "invalid keyword 'x'"),
            ("{x:2}", "invalid keyword 'x'"),
            ("{,}", "expecting value"),
            ("[,]", "expecting value"),
            ("{\"a\":1,}", "expecting value"),
            ("{\"a\":{\"b\":1,\"\\u0062\":2}}", "duplicate key"),
            ("[0e5]", "expected separator in list"),
            ("[\"\\u12\"]", "\\u12\" is not a valid Unicode character"),
            ("[\"\\uD83D\\u0041\"]", "\\uD83D is not a valid Unicode character"),
            ("[\"\\uD83F\\uDFFF\"]", "\\uD83F\\uDFFF is not a valid Unicode character"),
            ("[\"\\x\"]", "invalid escape sequence in string"),
        ] {
            assert_eq!(error_of(text), words, "{text}");
        }
    }

    #[test]
    fn a_duplicate_key_is_reported_before_later_errors() {
        for (text, words) in [
            ("{\"a\":1,\"a\":2,\"b\":tru}", "duplicate key"),
            ("{\"a\":1,\"a\":2 3}", "duplicate key"),
            ("{\"a\":1,\"a\":2,}", "duplicate key"),
            ("{\"a\":1,\"a\":2,\"b\" 3}", "duplicate key"),
            ("{\"a\":1,\"a\":2,\"b\":[{\"c\":tru}]}", "duplicate key"),
            ("{\"a\":1,\"a\":2,{\"b\":tru}:3}", "duplicate key"),
            ("{\"a\":1,\"b\":{\"c\":1,\"c\":2,\"d\":[tru]}}", "duplicate key"),
            ("[{\"a\":1,\"a\":2},tru]", "duplicate key"),
            // The second value is read before the names are compared.
            ("{\"a\":1,\"a\":tru}", "invalid keyword 'tru'"),
            ("{\"a\":1,\"a\" 2}", "missing : in object pair"),
            ("{\"a\":1,\"a\":[2}", "expected separator in list"),
            ("{\"a\":1,\"a\":{\"b\":tru}}", "invalid keyword 'tru'"),
            ("{\"a\":1,[tru]:2,\"a\":3}", "invalid keyword 'tru'"),
            ("{\"a\":{\"b\":1,\"c\":tru},\"b\":2}", "invalid keyword 'tru'"),
        ] {
            assert_eq!(error_of(text), words, "{text}");
        }
    }
}
