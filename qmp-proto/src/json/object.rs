//! The members of an object, one after another.

use super::skip::skip_value;
use super::walk::{skip_blanks, walk_colon, walk_string, walk_value};
use super::{JsonError, JsonErrorKind, JsonStr, Lenient, MAX_DEPTH};

/// A member of an object, raw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    /// The name as it is in the text, without quotes.
    pub(crate) name: &'a [u8],
    /// The position of the name's opening quote in the object's text.
    pub(crate) name_at: usize,
    /// The value, without blanks around it.
    pub(crate) value: &'a [u8],
    /// The position of the value in the object's text.
    pub(crate) at: usize,
}

impl<'a> Member<'a> {
    /// Returns the one of the `known` names that equals the member's with escapes resolved, or else
    /// the name as it is in the text.
    pub(crate) fn name_among(&self, known: &'static [&'static str]) -> &'a [u8] {
        if memchr::memchr(b'\\', self.name).is_none() {
            return self.name;
        }
        let name = JsonStr::new(core::str::from_utf8(self.name).unwrap_or_default());
        known.iter().find(|known| name == **known).map_or(self.name, |known| known.as_bytes())
    }
}

/// Walks the members of the object at the start of a text, after optional blanks.
///
/// Each value is validated. After the last member [`end`](Self::end) returns the end of the object.
#[derive(Clone, Debug)]
pub(crate) struct Members<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Before,
    First,
    Next,
    Ended,
}

impl<'a> Members<'a> {
    /// Starts at an object of at most `depth` levels, including its own.
    pub(crate) fn new(text: &'a [u8], depth: usize) -> Self {
        Self { text, at: 0, depth: depth.min(MAX_DEPTH), state: State::Before }
    }

    /// Returns the end of the object, after all members were walked.
    pub(crate) fn end(&self) -> usize {
        self.at
    }

    /// Returns the next member, if there is one.
    pub(crate) fn next(&mut self) -> Result<Option<Member<'a>>, JsonError> {
        self.next_unchecked(&[])
    }

    /// Returns the next member, if there is one. The values of members with these names are not
    /// validated.
    pub(crate) fn next_unchecked(
        &mut self,
        unchecked: &[&[u8]],
    ) -> Result<Option<Member<'a>>, JsonError> {
        if self.state == State::Before {
            self.enter()?;
        }
        if self.state == State::Ended || self.closes()? {
            return Ok(None);
        }
        if self.peek()? != b'"' {
            return Err(JsonError::new(JsonErrorKind::Syntax, self.at));
        }
        let name_at = self.at;
        self.at = walk_string(self.text, self.at, &mut Lenient)?;
        let name = self.text.get(name_at + 1..self.at - 1).unwrap_or_default();
        let at = skip_blanks(self.text, walk_colon(self.text, self.at)?);
        let end = match unchecked.contains(&name) {
            true => skip_value(self.text, at, self.depth - 1),
            false => walk_value(self.text, at, self.depth - 1, &mut Lenient),
        };
        self.at = end.map_err(|error| self.whole(error))?;
        self.state = State::Next;
        let value = self.text.get(at..self.at).unwrap_or_default();
        Ok(Some(Member { name, name_at, value, at }))
    }

    /// Returns the error with the depth limit of the whole object.
    fn whole(&self, error: JsonError) -> JsonError {
        match error.kind() {
            JsonErrorKind::TooDeep { .. } => {
                JsonError::new(JsonErrorKind::TooDeep { limit: self.depth }, error.offset())
            }
            _ => error,
        }
    }

    fn enter(&mut self) -> Result<(), JsonError> {
        if self.peek()? != b'{' {
            return Err(JsonError::new(JsonErrorKind::NotAnObject, self.at));
        }
        if self.depth == 0 {
            return Err(JsonError::new(JsonErrorKind::TooDeep { limit: 0 }, self.at));
        }
        self.at += 1;
        self.state = State::First;
        Ok(())
    }

    /// Passes the closing brace, or the comma before the next member.
    fn closes(&mut self) -> Result<bool, JsonError> {
        match (self.peek()?, self.state) {
            (b'}', _) => {
                self.at += 1;
                self.state = State::Ended;
                Ok(true)
            }
            (b',', State::Next) => {
                self.at += 1;
                Ok(false)
            }
            (_, State::First) => Ok(false),
            _ => Err(JsonError::new(JsonErrorKind::Syntax, self.at)),
        }
    }

    fn peek(&mut self) -> Result<u8, JsonError> {
        self.at = skip_blanks(self.text, self.at);
        self.text
            .get(self.at)
            .copied()
            .ok_or_else(|| JsonError::new(JsonErrorKind::Incomplete, self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn members(text: &str) -> Result<(Vec<(String, String)>, usize), JsonErrorKind> {
        let mut members = Members::new(text.as_bytes(), MAX_DEPTH);
        let mut found = Vec::new();
        while let Some(member) = members.next().map_err(|error| error.kind())? {
            assert_eq!(&text.as_bytes()[member.at..][..member.value.len()], member.value);
            let owned = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            found.push((owned(member.name), owned(member.value)));
        }
        assert!(members.next().unwrap().is_none(), "no member follows the last");
        Ok((found, members.end()))
    }

    #[test]
    fn members_are_returned_in_their_order() {
        let text = " { \"a\" : 1 ,\"b\":{\"c\":[]} }x";
        let (found, end) = members(text).unwrap();
        assert_eq!(found, [("a".into(), "1".into()), ("b".into(), "{\"c\":[]}".into())]);
        assert_eq!(end, text.len() - 1);
        assert_eq!(members("{}").unwrap(), (Vec::new(), 2));
    }

    #[test]
    fn an_invalid_object_is_an_error() {
        for (text, kind) in [
            ("[]", JsonErrorKind::NotAnObject),
            ("", JsonErrorKind::Incomplete),
            ("{", JsonErrorKind::Incomplete),
            ("{\"a\":1", JsonErrorKind::Incomplete),
            ("{\"a\":1,}", JsonErrorKind::Syntax),
            ("{,}", JsonErrorKind::Syntax),
            ("{\"a\":1 \"b\":2}", JsonErrorKind::Syntax),
            ("{\"a\":[}", JsonErrorKind::Syntax),
        ] {
            assert_eq!(members(text), Err(kind), "{text}");
        }
    }

    #[test]
    fn the_depth_includes_the_object_itself() {
        let mut members = Members::new(br#"{"a": [[]]}"#, 2);
        let error = members.next().unwrap_err();
        assert_eq!(error.kind(), JsonErrorKind::TooDeep { limit: 2 });
        assert!(Members::new(br#"{"a": [[]]}"#, 3).next().is_ok());
    }
}
