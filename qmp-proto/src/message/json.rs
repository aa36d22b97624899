//! JSON values inside a message.

use core::fmt;
use core::str::Utf8Error;

use crate::json::{JsonError, JsonFlaw, Lenient, MAX_DEPTH, skip_blanks, walk_value};
use crate::message::{BodyError, show};
use crate::wire::split;

/// The text of one complete JSON value, checked: JSON by its grammar, UTF-8, at most 1024 levels.
///
/// Numbers may be larger than any Rust type holds, and objects inside may have a member twice; who
/// decodes the text decides about those.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Json<'b>(&'b str);

impl<'b> Json<'b> {
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
            _ => Err(JsonError::new(JsonFlaw::Trailing, rest)),
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

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The beginning of the text, secrets masked; without the feature `alloc`, its length.
impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "Json", self.0.as_bytes())
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
    pub(crate) fn json(&self) -> Result<Json<'b>, BodyError> {
        self.json_in(self.text())
    }

    /// The same when the text was looked at before.
    pub(crate) fn json_in(&self, text: Result<&'b str, Utf8Error>) -> Result<Json<'b>, BodyError> {
        let text = text.map_err(|error| BodyError::new(JsonFlaw::Utf8, error.valid_up_to()))?;
        // The message around it is one level more.
        let end = walk_value(text.as_bytes(), 0, MAX_DEPTH - 1, &mut Lenient);
        match end.map_err(BodyError::of)? {
            end if end == text.len() => Ok(Json(text)),
            // Legal members that no QEMU sends may stand between, and only the full route finds
            // where the value ends.
            end => split(self.message, MAX_DEPTH)
                .ok()
                .and_then(|message| message.body())
                .filter(|body| body.start == self.start && body.end == self.start + end)
                .and_then(|_| text.get(..end))
                .map(Json)
                .ok_or_else(|| BodyError::new(JsonFlaw::Trailing, end)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_and_no_more() {
        assert_eq!(Json::parse(" [1] ").unwrap().as_str(), "[1]");
        assert_eq!(Json::parse("[1] 2").unwrap_err().flaw(), JsonFlaw::Trailing);
        assert_eq!(Json::parse("").unwrap_err().flaw(), JsonFlaw::Incomplete);
    }
}
