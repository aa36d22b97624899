//! JSON values inside a message.

use core::fmt;
use core::str::Utf8Error;

use crate::escaped::is_obeyed;
use crate::json::{JsonError, JsonErrorKind, Lenient, MAX_DEPTH, skip_blanks, walk_value};
use crate::message::{BodyError, show};
use crate::wire::Parts;

/// The text of one complete JSON value, checked: JSON by its grammar, UTF-8, at most 1024 levels.
///
/// Numbers may be larger than any Rust type holds, and objects inside may have a member twice; who
/// decodes the text decides about those.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawJson<'b>(&'b str);

impl<'b> RawJson<'b> {
    /// Checks a text.
    ///
    /// # Errors
    ///
    /// If it is not exactly one JSON value, with or without blanks around it.
    pub fn parse(text: &'b str) -> Result<Self, JsonError> {
        let start = skip_blanks(text.as_bytes(), 0);
        let end = walk_value(text.as_bytes(), start, MAX_DEPTH, &mut Lenient)?;
        let rest = skip_blanks(text.as_bytes(), end);
        match text.get(start..end) {
            Some(value) if rest == text.len() => Ok(Self(value)),
            _ => Err(JsonError::new(JsonErrorKind::Trailing, rest)),
        }
    }

    /// Takes a text that was checked, and has no blanks around it.
    #[cfg(feature = "alloc")]
    pub(crate) const fn trusted(text: &'b str) -> Self {
        Self(text)
    }

    /// The text, without blanks around it.
    pub const fn as_str(self) -> &'b str {
        self.0
    }
}

/// The same value on one line, without what a terminal obeys: such characters are written as JSON
/// escapes, and blanks for line ends. [`as_str`](RawJson::as_str) returns the text unchanged.
impl fmt::Display for RawJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((at, char)) = rest.char_indices().find(|(_, char)| is_obeyed(*char)) {
            f.write_str(rest.get(..at).unwrap_or_default())?;
            match char {
                // A value has these outside of strings only.
                '\n' | '\r' | '\t' => f.write_str(" ")?,
                char => {
                    for unit in char.encode_utf16(&mut [0; 2]) {
                        write!(f, "\\u{unit:04x}")?;
                    }
                }
            }
            rest = rest.get(at + char.len_utf8()..).unwrap_or_default();
        }
        f.write_str(rest)
    }
}

/// The beginning of the text, secrets masked; without the feature `alloc`, its length.
impl fmt::Debug for RawJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "RawJson", self.0.as_bytes())
    }
}

/// The part of a message that is not looked at before somebody asks for it.
#[derive(Clone, Copy)]
pub(crate) struct Body<'b> {
    /// The whole message.
    pub(crate) message: &'b [u8],
    /// Where the value is thought to be in it.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl<'b> Body<'b> {
    /// The bytes thought to be the value.
    pub(crate) fn bytes(&self) -> &'b [u8] {
        self.message.get(self.start..self.end).unwrap_or_default()
    }

    /// They as text.
    pub(crate) fn text(&self) -> Result<&'b str, Utf8Error> {
        core::str::from_utf8(self.bytes())
    }

    /// The value, checked now.
    pub(crate) fn json(&self) -> Result<RawJson<'b>, BodyError> {
        self.json_in(self.text())
    }

    /// The same when the text was looked at before.
    pub(crate) fn json_in(
        &self,
        text: Result<&'b str, Utf8Error>,
    ) -> Result<RawJson<'b>, BodyError> {
        let text =
            text.map_err(|error| BodyError::new(JsonErrorKind::Utf8, error.valid_up_to()))?;
        // The message around it is one level more.
        let end = walk_value(text.as_bytes(), 0, MAX_DEPTH - 1, &mut Lenient);
        match end.map_err(BodyError::of)? {
            end if end == text.len() => Ok(RawJson(text)),
            // Legal members that no QEMU sends may stand between, and only the full route finds
            // where the value ends.
            end if self.is_body(end) => match text.get(..end) {
                Some(value) => Ok(RawJson(value)),
                None => Err(BodyError::new(JsonErrorKind::Trailing, end)),
            },
            end => Err(BodyError::new(JsonErrorKind::Trailing, end)),
        }
    }

    /// Whether the value of this length is the body of the message.
    #[cold]
    #[inline(never)]
    fn is_body(&self, length: usize) -> bool {
        let mut parts = Parts::default();
        parts.read(self.message, MAX_DEPTH).is_ok()
            && parts.has_body(self.message, self.start, self.start + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_displayed_is_the_same_value_on_one_line() {
        let text = "{\"a\":\r\n\t[\"é\u{7f}\u{9b}\u{202e}\u{e0001}\", \"\\u001b\"]}";
        let shown = std::format!("{}", RawJson::parse(text).unwrap());
        assert_eq!(shown, r#"{"a":   ["é\u007f\u009b\u202e\udb40\udc01", "\u001b"]}"#);
        let value = |text: &str| -> serde_json::Value { serde_json::from_str(text).unwrap() };
        assert_eq!(value(&shown), value(text));
    }

    #[test]
    fn one_value_and_no_more() {
        assert_eq!(RawJson::parse(" [1] ").unwrap().as_str(), "[1]");
        assert_eq!(RawJson::parse("[1] 2").unwrap_err().kind(), JsonErrorKind::Trailing);
        assert_eq!(RawJson::parse("").unwrap_err().kind(), JsonErrorKind::Incomplete);
    }
}
