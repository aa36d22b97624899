//! JSON values that own their text.

use alloc::string::String;
use core::fmt;

use crate::json::JsonError;
use crate::message::RawJson;

/// A [`RawJson`] that owns its text, to be validated once and sent later or several times.
///
/// ```
/// use qmp_proto::OwnedRawJson;
///
/// let data = OwnedRawJson::parse(r#" {"device": "net0"}"#.into())?;
/// assert_eq!(data.as_json().as_str(), r#"{"device": "net0"}"#);
/// # Ok::<(), qmp_proto::JsonError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct OwnedRawJson(String);

impl OwnedRawJson {
    /// Validates a text.
    ///
    /// # Errors
    ///
    /// As [`RawJson::parse`].
    pub fn parse(text: String) -> Result<Self, JsonError> {
        let length = RawJson::parse(&text)?.as_str().len();
        if length == text.len() {
            return Ok(Self(text));
        }
        Ok(Self(RawJson::parse(&text)?.as_str().into()))
    }

    /// Serializes a value.
    ///
    /// # Errors
    ///
    /// If it cannot be serialized.
    #[cfg(feature = "serde")]
    pub fn serialize<T: serde::Serialize + ?Sized>(
        value: &T,
    ) -> Result<Self, crate::SendErrorKind> {
        Ok(Self::parse(crate::request::serialize(value)?)?)
    }

    /// Returns the borrowed value.
    pub fn as_json(&self) -> RawJson<'_> {
        RawJson::trusted(&self.0)
    }

    /// Returns the text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Debug for OwnedRawJson {
    /// Omits the text, which can be long and can contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedRawJson({} bytes)", self.0.len())
    }
}
