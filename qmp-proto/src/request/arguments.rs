//! Arguments: checked JSON, or anything serde can serialize.

use core::fmt;

use crate::json::{JsonError, JsonErrorKind, MAX_DEPTH, Strict, skip_blanks, walk_value};
use crate::output::OutputBuffer;
use crate::request::SendErrorKind;

/// In `{"execute":"x","arguments":…,"id":0}`.
const TOKENS_AROUND: usize = 12;

/// Writes the arguments of a request. Implemented by what [`Request`](crate::Request) takes.
pub trait WriteArguments {
    /// Appends one JSON object, checked; or nothing where there are no arguments.
    ///
    /// # Errors
    ///
    /// If they are not what QEMU would read as one object, or there is no room.
    fn write_arguments(&self, out: &mut impl OutputBuffer) -> Result<(), SendErrorKind>;
}

/// No arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoArguments;

impl WriteArguments for NoArguments {
    fn write_arguments(&self, _: &mut impl OutputBuffer) -> Result<(), SendErrorKind> {
        Ok(())
    }
}

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

impl WriteArguments for Arguments<'_> {
    fn write_arguments(&self, out: &mut impl OutputBuffer) -> Result<(), SendErrorKind> {
        if self.0 != "{}" {
            out.append(self.0.as_bytes())?;
        }
        Ok(())
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
        Arguments::parse(&text)?;
        Ok(Self(text))
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

/// Arguments that serde serializes straight into the output.
#[cfg(feature = "serde")]
pub struct Serialized<'a, A: ?Sized>(pub(crate) &'a A);

/// Omits the value, which can contain secrets.
#[cfg(feature = "serde")]
impl<A: ?Sized> fmt::Debug for Serialized<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Serialized(..)")
    }
}

#[cfg(feature = "serde")]
impl<A: serde::Serialize + ?Sized> WriteArguments for Serialized<'_, A> {
    fn write_arguments(&self, out: &mut impl OutputBuffer) -> Result<(), SendErrorKind> {
        // Straight into the output where that is a vector: no allocation of its own.
        #[cfg(feature = "std")]
        if let Some(written) = out.as_vec() {
            let start = written.len();
            serde_json::to_writer(&mut *written, self.0).map_err(unserializable)?;
            if checked(&written[start..])?.is_none_or(|arguments| arguments.0 == "{}") {
                written.truncate(start);
            }
            return Ok(());
        }
        let written = serde_json::to_vec(self.0).map_err(unserializable)?;
        if let Some(arguments) = checked(&written)? {
            arguments.write_arguments(out)?;
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
fn checked(written: &[u8]) -> Result<Option<Arguments<'_>>, SendErrorKind> {
    if written == b"null" {
        return Ok(None);
    }
    let text = core::str::from_utf8(written)
        .map_err(|error| JsonError::new(JsonErrorKind::Utf8, error.valid_up_to()))?;
    Ok(Some(Arguments::parse(text)?))
}

#[cfg(feature = "serde")]
fn unserializable(error: serde_json::Error) -> SendErrorKind {
    SendErrorKind::Unserializable(alloc::string::ToString::to_string(&error))
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

    /// Once straight into a vector, once into memory that does not grow.
    #[cfg(feature = "serde")]
    #[test]
    fn what_serializes_to_members_is_written_and_nothing_else() {
        let written = |value: serde_json::Value| {
            let mut memory = [0; 64];
            let mut fixed = crate::FixedOutput::new(&mut memory);
            let mut growing = b"before".to_vec();
            let into_fixed = Serialized(&value).write_arguments(&mut fixed);
            let into_growing = Serialized(&value).write_arguments(&mut growing);
            assert_eq!(into_fixed.is_ok(), into_growing.is_ok());
            into_growing.ok()?;
            let growing = std::string::String::from_utf8(growing).unwrap();
            let added = growing.strip_prefix("before").unwrap();
            assert_eq!(fixed.bytes(), added.as_bytes());
            Some(std::string::String::from(added))
        };
        let members = serde_json::json!({"a": [1, "é"]});
        assert_eq!(written(members).as_deref(), Some("{\"a\":[1,\"é\"]}"));
        assert_eq!(written(serde_json::json!({})).as_deref(), Some(""));
        assert_eq!(written(serde_json::Value::Null).as_deref(), Some(""));
        assert_eq!(written(serde_json::json!([1])), None);
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
