//! JSON values that own their text.

use alloc::string::String;
use core::fmt;

use crate::json::JsonError;
use crate::message::RawJson;

/// A [`RawJson`] that owns its text: checked once, and sent later or to many.
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
    /// Checks a text.
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
        let text = serde_json::to_string(value).map_err(|error| {
            crate::SendErrorKind::Unserializable(alloc::string::ToString::to_string(&error))
        })?;
        // A type may write what it likes, under the name that serde_json gives raw values.
        Ok(Self::parse(text)?)
    }

    /// The value, borrowed from this.
    pub fn as_json(&self) -> RawJson<'_> {
        RawJson::trusted(&self.0)
    }

    /// Its text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Debug for OwnedRawJson {
    /// Not the text: it may be long, or hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedRawJson({} bytes)", self.0.len())
    }
}
