//! From tokens to one value: QEMU's grammar, and its order of complaints.
//!
//! But for one: members that are there twice are looked for when their object ends, so where
//! something else is wrong in it as well, that is what is said.

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
/// returned. Names are compared only in a text that is JSON.
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
    walk.value(visit)?;
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
    fn value(&mut self, visit: &mut impl Visit<'b>) -> Result<(), Flaw<'b>> {
        let mut expect = Expect::Value;
        loop {
            self.at = skip_blanks(self.text, self.at);
            let &byte = self.text.get(self.at).ok_or(Flaw::PrematureEnd)?;
            match (expect, byte) {
                (Expect::NameOrClose, b'}') | (Expect::ValueOrClose, b']') => self.close(byte)?,
                (Expect::CommaOrClose, b'}' | b']')
                    if self.nesting.in_object() == (byte == b'}') =>
                {
                    self.close(byte)?;
                }
                (Expect::CommaOrClose, b',') => {
                    self.at += 1;
                    expect = if self.nesting.in_object() { Expect::Name } else { Expect::Value };
                    continue;
                }
                (Expect::CommaOrClose, _) if self.nesting.in_object() => {
                    return Err(Flaw::SeparatorInObject);
                }
                (Expect::CommaOrClose, _) => return Err(Flaw::SeparatorInArray),
                (_, b'{' | b'[') => {
                    if let Expect::Name | Expect::NameOrClose = expect {
                        self.name_opened = Some(self.nesting.depth());
                    }
                    expect = self.open(byte)?;
                    continue;
                }
                (Expect::Name | Expect::NameOrClose, _) => {
                    self.name(byte)?;
                    expect = Expect::Value;
                    continue;
                }
                (Expect::Value | Expect::ValueOrClose, _) => self.scalar(byte).map(drop)?,
            }
            if self.value_ended(visit)? {
                return Ok(());
            }
            expect = Expect::CommaOrClose;
        }
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
        if let Some(names) = &mut self.names {
            names.add(&name[1..name.len() - 1]).map_err(|_| Flaw::DuplicateKey)?;
        }
        self.at = skip_blanks(self.text, self.at);
        if self.text.get(self.at) != Some(&b':') {
            return Err(Flaw::MissingColon);
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
}
