//! Error replies.

use core::fmt;

use crate::Escaped;
use crate::json::{JsonErrorKind, JsonStr, MAX_DEPTH, Members};
use crate::message::{BodyError, ErrorClass, RawJson, show};

/// An error reply, borrowed from the received bytes.
#[derive(Clone, Copy)]
pub struct Failure<'b> {
    pub(crate) message: &'b [u8],
    pub(crate) class: &'b str,
    pub(crate) description: JsonStr<'b>,
    pub(crate) id: Option<(usize, usize)>,
}

impl<'b> Failure<'b> {
    /// Returns the class of the error.
    pub fn class(&self) -> ErrorClass<'b> {
        ErrorClass::named(self.class)
    }

    /// Returns the description for people. Its text changes between versions, and may contain text
    /// from a guest, including terminal escapes.
    pub const fn description(&self) -> JsonStr<'b> {
        self.description
    }

    /// Returns the whole value of `error`, including other members.
    ///
    /// # Errors
    ///
    /// If the message is not valid JSON.
    pub fn json(&self) -> Result<RawJson<'b>, BodyError> {
        let mut members = Members::new(self.message, MAX_DEPTH);
        while let Some(member) = members.next().map_err(BodyError::of)? {
            if member.name_among(&["error"]) == b"error" {
                let text = core::str::from_utf8(member.value)
                    .map_err(|error| BodyError::new(JsonErrorKind::Utf8, error.valid_up_to()))?;
                return RawJson::parse(text).map_err(BodyError::of);
            }
        }
        Err(BodyError::new(JsonErrorKind::Incomplete, self.message.len()))
    }

    /// Returns the whole message, without the line end.
    pub const fn message(&self) -> &'b [u8] {
        self.message
    }

    pub(crate) fn id_bytes(&self) -> Option<&'b [u8]> {
        self.id.and_then(|(start, end)| self.message.get(start..end))
    }
}

/// Shows the start of the message with secrets masked, or only its length without the feature
/// `alloc`.
impl fmt::Debug for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "Failure", self.message)
    }
}

/// Writes the class and the description, as [`Escaped`]. With the feature `alloc`, secrets are
/// masked as by [`redact`](crate::redact()).
impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.class())?;
        #[cfg(feature = "alloc")]
        {
            let description = alloc::string::ToString::to_string(&self.description);
            write!(f, "{}", Escaped(crate::Secrets::new().mask(&description)))
        }
        #[cfg(not(feature = "alloc"))]
        write!(f, "{}", Escaped(self.description))
    }
}
