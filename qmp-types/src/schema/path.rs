//! Paths into a schema.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The error of a malformed path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathError {
    at: usize,
    expected: &'static str,
}

impl PathError {
    /// Returns the offset of the error in bytes.
    pub const fn at(&self) -> usize {
        self.at
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} at byte {} of the path", self.expected, self.at)
    }
}

impl core::error::Error for PathError {}

/// `command<.member.member=value@feature`.
#[derive(Debug, PartialEq)]
pub(super) struct Path {
    /// The command or event.
    pub(super) root: String,
    /// Whether the path continues in the return value of the command.
    pub(super) returned: bool,
    pub(super) members: Vec<String>,
    pub(super) value: Option<String>,
    pub(super) feature: Option<String>,
}

impl Path {
    pub(super) fn parse(text: &str) -> Result<Self, PathError> {
        let mut reader = Reader { text, at: 0 };
        let root = reader.name("the name of a command or an event")?;
        let returned = reader.take('<');
        let mut members = Vec::new();
        while reader.take('.') {
            members.push(reader.name("the name of a member")?);
        }
        let value = if reader.take('=') { Some(reader.name("a value")?) } else { None };
        let feature =
            if reader.take('@') { Some(reader.name("the name of a feature")?) } else { None };
        if reader.at < text.len() {
            return Err(reader.error("the end"));
        }
        if returned && members.is_empty() && value.is_none() && feature.is_none() {
            return Err(reader.error("a member, a value or a feature of the return value"));
        }
        Ok(Self { root, returned, members, value, feature })
    }
}

struct Reader<'p> {
    text: &'p str,
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, wanted: char) -> bool {
        let found = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(wanted));
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    /// Reads a name, in which a backslash escapes the next character.
    fn name(&mut self, expected: &'static str) -> Result<String, PathError> {
        let mut name = String::new();
        let mut rest = self.text.get(self.at..).unwrap_or_default().chars();
        while let Some(next) = rest.next() {
            let next = match next {
                '\\' => {
                    self.at += 1;
                    rest.next().ok_or(PathError { at: self.at, expected: "a character" })?
                }
                '.' | '<' | '=' | '@' => break,
                next if next.is_whitespace() => return Err(self.error("a name without blanks")),
                next => next,
            };
            self.at += next.len_utf8();
            name.push(next);
        }
        if name.is_empty() { Err(self.error(expected)) } else { Ok(name) }
    }

    const fn error(&self, expected: &'static str) -> PathError {
        PathError { at: self.at, expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn parses_each_part_of_a_path() {
        let path = Path::parse("query-x<.a\\.b.c=v\\=1@f").unwrap();
        assert_eq!((path.root.as_str(), path.returned), ("query-x", true));
        assert_eq!(path.members, ["a.b", "c"]);
        assert_eq!((path.value.as_deref(), path.feature.as_deref()), (Some("v=1"), Some("f")));
        let plain = Path::parse("STOP").unwrap();
        assert!(!plain.returned && plain.members.is_empty() && plain.value.is_none());
    }

    #[test]
    fn reports_the_offset_of_the_error_in_a_malformed_path() {
        for (text, at) in [
            ("", 0),
            (".a", 0),
            ("a.", 2),
            ("a..b", 2),
            ("a=", 2),
            ("a=b=c", 3),
            ("a@", 2),
            ("a@b@c", 3),
            ("a@b.c", 3),
            ("a<", 2),
            ("a.b<.c", 3),
            ("a\\", 2),
            ("a b", 1),
            ("a/b c", 3),
        ] {
            let error = Path::parse(text).unwrap_err();
            assert_eq!(error.at(), at, "{text}: {error}");
            assert!(error.to_string().starts_with("expected "), "{error}");
        }
    }
}
