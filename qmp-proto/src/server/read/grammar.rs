//! From tokens to one value: QEMU's grammar, and its order of complaints.
//!
//! QEMU compares a member's name with the earlier ones once it has read the value. Here the names of
//! an object are compared when it ends, and those of objects that are still open when something else
//! is wrong: then a member that was there twice before it is the first complaint.

use super::number::Number;
use super::{Flaw, string};
use crate::json::{MAX_DEPTH, Names, Nesting, skip_blanks};

/// Is told the members of the outermost object.
pub(super) trait Visit<'b> {
    /// A member: its name as it stands, quotes included, and where its value stands.
    fn member(&mut self, name: &'b [u8], value: (usize, usize));
}

/// What may come next.
#[derive(Clone, Copy)]
enum Expect {
    Value,
    ValueOrClose,
    Name,
    NameOrClose,
    CommaOrClose,
}

/// Checks a text that the reader found, and tells `visit` its members if it is an object, as is
/// returned. Names can be compared only in a text whose strings are JSON.
pub(super) fn check<'b>(
    text: &'b [u8],
    compare_names: bool,
    visit: &mut impl Visit<'b>,
) -> Result<bool, Flaw<'b>> {
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
        walk.step(expect, visit).map_err(|flaw| walk.first_complaint(expect, flaw))?
    {
        expect = next;
    }
    Ok(text[skip_blanks(text, 0)..].starts_with(b"{"))
}

struct Walk<'b> {
    text: &'b [u8],
    at: usize,
    nesting: Nesting,
    /// How many levels were open where a bracket stands for a name.
    name_opened: Option<usize>,
    /// The name of the outermost object's member under way, and where its value begins.
    member: (&'b [u8], usize),
    names: Option<Names<'b>>,
}

impl<'b> Walk<'b> {
    /// Reads one token, or a name and its colon; what may come next, if anything may.
    fn step(
        &mut self,
        expect: Expect,
        visit: &mut impl Visit<'b>,
    ) -> Result<Option<Expect>, Flaw<'b>> {
        self.at = skip_blanks(self.text, self.at);
        let &byte = self.text.get(self.at).ok_or(Flaw::PrematureEnd)?;
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
                return Err(Flaw::SeparatorInObject);
            }
            (Expect::CommaOrClose, _) => return Err(Flaw::SeparatorInArray),
            (Expect::Name | Expect::NameOrClose, b'{' | b'[') => {
                // Inside the bracket it is no longer known whether the last value is complete.
                if self.names.as_mut().is_some_and(Names::innermost_has_twice) {
                    return Err(Flaw::DuplicateKey);
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

    /// What QEMU finds first where this is wrong.
    fn first_complaint(&mut self, expect: Expect, flaw: Flaw<'b>) -> Flaw<'b> {
        let value_is_complete =
            self.nesting.in_object() && !matches!(expect, Expect::Value | Expect::ValueOrClose);
        let twice = self.names.as_mut().is_some_and(|names| {
            value_is_complete && names.innermost_has_twice() || names.complete_has_twice()
        });
        if twice { Flaw::DuplicateKey } else { flaw }
    }

    fn open(&mut self, bracket: u8) -> Result<Expect, Flaw<'b>> {
        let object = bracket == b'{';
        // The reader has bounded the depth already.
        if !self.nesting.open(object, MAX_DEPTH) {
            return Err(Flaw::Limit(super::Limit::Depth));
        }
        self.at += 1;
        if !object {
            return Ok(Expect::ValueOrClose);
        }
        if let Some(names) = &mut self.names {
            names.open().map_err(|_| Flaw::DuplicateKey)?;
        }
        Ok(Expect::NameOrClose)
    }

    fn close(&mut self, bracket: u8) -> Result<(), Flaw<'b>> {
        self.at += 1;
        self.nesting.close(bracket == b'}');
        match &mut self.names {
            Some(names) if bracket == b'}' => names.close().map_err(|_| Flaw::DuplicateKey),
            _ => Ok(()),
        }
    }

    /// Reads a name and its colon.
    fn name(&mut self, byte: u8) -> Result<(), Flaw<'b>> {
        let (start, is_string) = (self.at, self.scalar(byte)?);
        if !is_string {
            return Err(Flaw::NameNoString);
        }
        let name = &self.text[start..self.at];
        self.at = skip_blanks(self.text, self.at);
        if self.text.get(self.at) != Some(&b':') {
            return Err(Flaw::MissingColon);
        }
        if let Some(names) = &mut self.names {
            names.add(&name[1..name.len() - 1]).map_err(|_| Flaw::DuplicateKey)?;
        }
        self.at = skip_blanks(self.text, self.at + 1);
        if self.nesting.depth() == 1 {
            self.member = (name, self.at);
        }
        Ok(())
    }

    /// Reads a token that is no bracket; whether it is a string.
    fn scalar(&mut self, byte: u8) -> Result<bool, Flaw<'b>> {
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
                    word => Err(Flaw::Keyword(word)),
                }
            }
            _ => Err(Flaw::ExpectingValue),
        }
    }

    /// Whether the value that has just ended was the outermost.
    fn value_ended(&mut self, visit: &mut impl Visit<'b>) -> Result<bool, Flaw<'b>> {
        let depth = self.nesting.depth();
        if self.name_opened == Some(depth) {
            return Err(Flaw::NameNoString);
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

    struct Nothing;

    impl Visit<'_> for Nothing {
        fn member(&mut self, _: &[u8], _: (usize, usize)) {}
    }

    fn complaint(text: &str) -> std::string::String {
        let flaw = check(text.as_bytes(), true, &mut Nothing).unwrap_err();
        let complaint = std::format!("{flaw}");
        complaint.trim_start_matches("JSON parse error, ").into()
    }

    #[test]
    fn qemu_s_words_are_found_in_its_order() {
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
            assert_eq!(complaint(text), words, "{text}");
        }
    }

    #[test]
    fn a_doubled_key_comes_before_what_is_wrong_behind_it() {
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
            assert_eq!(complaint(text), words, "{text}");
        }
    }
}
