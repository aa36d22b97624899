//! Arguments of commands.

use core::fmt;

use crate::json::{JsonError, JsonErrorKind, MAX_DEPTH, Strict, skip_blanks, walk_value};
#[cfg(feature = "serde")]
use crate::request::SendErrorKind;

/// In `{"execute":"x","arguments":…,"id":0}`.
const TOKENS_AROUND: usize = 12;

/// The text of one JSON object that QEMU reads as exactly one object.
///
/// This is stricter than JSON. In a message that has more than 1024 levels, is longer than 64 MiB
/// or contains a raw control character, QEMU executes commands that it finds inside the message. It
/// refuses noncharacters and `0e5`, and its error reply to a duplicate member has no id.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Arguments<'a>(&'a str);

impl<'a> Arguments<'a> {
    /// Validates a text.
    ///
    /// # Errors
    ///
    /// If the text is not one object that QEMU reads correctly. Without the feature `alloc`, also
    /// if about 60 or more members are open at once.
    pub fn parse(text: &'a str) -> Result<Self, JsonError> {
        let bytes = text.as_bytes();
        let start = skip_blanks(bytes, 0);
        if bytes.get(start).is_some_and(|&byte| byte != b'{') {
            return Err(JsonError::new(JsonErrorKind::NotAnObject, start));
        }
        // The message around the arguments has one more level, and more tokens.
        let mut rules = Strict::inside(TOKENS_AROUND);
        let end = walk_value(bytes, start, MAX_DEPTH - 1, &mut rules)?;
        let rest = skip_blanks(bytes, end);
        match text.get(start..end) {
            Some(object) if rest == bytes.len() => Ok(Self(object)),
            _ => Err(JsonError::new(JsonErrorKind::Trailing, rest)),
        }
    }

    /// Returns the text, without blanks around it.
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

/// Omits the text, which can contain secrets.
impl fmt::Debug for Arguments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arguments({} bytes)", self.0.len())
    }
}

/// [`Arguments`] that own their text, to be validated once and sent later.
#[cfg(feature = "alloc")]
#[derive(Clone, PartialEq, Eq)]
pub struct OwnedArguments(alloc::string::String);

#[cfg(feature = "alloc")]
impl OwnedArguments {
    /// Checks a text.
    ///
    /// # Errors
    ///
    /// As [`Arguments::parse`].
    pub fn parse(text: alloc::string::String) -> Result<Self, JsonError> {
        Self::try_new(text).map_err(|(error, _)| error)
    }

    /// Checks a text, and returns it if it is refused.
    ///
    /// # Errors
    ///
    /// Returns the error of [`Arguments::parse`], and the text.
    pub fn try_new(
        text: alloc::string::String,
    ) -> Result<Self, (JsonError, alloc::string::String)> {
        match Arguments::parse(&text) {
            Ok(_) => Ok(Self(text)),
            Err(error) => Err((error, text)),
        }
    }

    /// Serializes a value, such as a struct, a map or a `serde_json::Value`. `null`, which a unit
    /// struct is serialized as, becomes `{}`.
    ///
    /// # Errors
    ///
    /// If the value cannot be serialized, or is not one object that QEMU reads correctly.
    #[cfg(feature = "serde")]
    pub fn serialize<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self, SendErrorKind> {
        let text = serialize(value)?;
        Ok(Self::parse(if text == "null" { "{}".into() } else { text })?)
    }

    /// Returns the borrowed arguments.
    pub fn as_arguments(&self) -> Arguments<'_> {
        Arguments(self.0.trim_matches([' ', '\t', '\r', '\n']))
    }
}

#[cfg(feature = "alloc")]
impl fmt::Debug for OwnedArguments {
    /// Omits the text, which can contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedArguments({} bytes)", self.0.len())
    }
}

/// Serializes a value as JSON, which may be invalid if a type writes serde_json's raw values itself.
#[cfg(feature = "serde")]
pub(crate) fn serialize<T: serde::Serialize + ?Sized>(
    value: &T,
) -> Result<alloc::string::String, SendErrorKind> {
    serde_json::to_string(value)
        .map_err(|error| SendErrorKind::Unserializable(alloc::string::ToString::to_string(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_exactly_one_object() {
        assert_eq!(Arguments::parse(" {\"a\": 1}\n").unwrap().as_str(), "{\"a\": 1}");
        for (text, kind) in [
            ("[]", JsonErrorKind::NotAnObject),
            ("", JsonErrorKind::Incomplete),
            ("{}{\"execute\":\"quit\"}", JsonErrorKind::Trailing),
            ("{\"a\": \"\u{1}\"}", JsonErrorKind::ControlCharacter),
            ("{\"a\": 1, \"a\": 2}", JsonErrorKind::DuplicateMember),
        ] {
            assert_eq!(Arguments::parse(text).unwrap_err().kind(), kind, "{text}");
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_value_is_serialized_as_one_object() {
        let serialize = |value: serde_json::Value| OwnedArguments::serialize(&value).ok();
        let text = |value| serialize(value).map(|it| it.as_arguments().as_str().into());
        let expected: [Option<alloc::string::String>; 4] =
            [Some("{\"a\":[1,\"é\"]}".into()), Some("{}".into()), Some("{}".into()), None];
        let values = [
            serde_json::json!({"a": [1, "é"]}),
            serde_json::json!({}),
            serde_json::Value::Null,
            serde_json::json!([1]),
        ];
        assert_eq!(values.map(text), expected);
    }

    #[test]
    fn the_depth_includes_the_message_around_the_arguments() {
        let deep = |levels: usize| {
            let inner = std::format!("{}{}", "[".repeat(levels - 1), "]".repeat(levels - 1));
            std::format!("{{\"a\":{inner}}}")
        };
        assert!(Arguments::parse(&deep(1023)).is_ok());
        assert!(Arguments::parse(&deep(1024)).is_err());
    }
}
