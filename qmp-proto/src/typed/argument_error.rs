//! Errors in the arguments of a command.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use crate::message::ErrorClass;
use crate::typed::DecodeError;

/// An error in a client's arguments, in QEMU's words.
///
/// ```
/// use qmp_proto::{ArgumentError, Expected};
///
/// let error = ArgumentError::wrong_type("size", Expected::Integer);
/// assert_eq!(error.to_string(), "Invalid parameter type for 'size', expected: integer");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentError(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Missing(String),
    Unexpected(String),
    WrongType(String, Cow<'static, str>),
    WrongValue(String, String),
    Unsigned(String, u32),
    Other(DecodeError),
}

/// The expected type of a parameter, in QEMU's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// `string`
    String,
    /// `boolean`
    Boolean,
    /// `integer`
    Integer,
    /// An unsigned integer of this number of bits: `uint64`, `uint8_t`
    Unsigned(u32),
    /// `number`
    Number,
    /// `array`
    Array,
    /// `object`
    Object,
    /// `null`
    Null,
}

impl Expected {
    /// Returns the word of all variants except [`Unsigned`](Self::Unsigned), which has another
    /// text.
    const fn word(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Integer | Self::Unsigned(_) => "integer",
            Self::Number => "number",
            Self::Array => "array",
            Self::Object => "object",
            Self::Null => "null",
        }
    }
}

impl ArgumentError {
    /// A parameter is missing. Names of nested parameters have the form `file.filename` or
    /// `keys[0].type`.
    pub fn missing(name: impl Into<String>) -> Self {
        Self(Kind::Missing(name.into()))
    }

    /// The command has no parameter with this name.
    pub fn unexpected(name: impl Into<String>) -> Self {
        Self(Kind::Unexpected(name.into()))
    }

    /// A parameter has a value of another type.
    pub fn wrong_type(name: impl Into<String>, expected: Expected) -> Self {
        match expected {
            Expected::Unsigned(bits) => Self(Kind::Unsigned(name.into(), bits)),
            expected => Self(Kind::WrongType(name.into(), expected.word().into())),
        }
    }

    /// The value of a parameter has none of the types of an alternate.
    pub fn wrong_form(name: impl Into<String>, alternate: impl Into<String>) -> Self {
        Self(Kind::WrongType(name.into(), alternate.into().into()))
    }

    /// A parameter does not accept this value.
    pub fn wrong_value(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self(Kind::WrongValue(name.into(), value.into()))
    }

    /// Returns the class of the error reply.
    pub const fn class(&self) -> ErrorClass<'static> {
        ErrorClass::GenericError
    }

    /// Converts an error of decoding to QEMU's words, if possible.
    pub(crate) fn of_decoding(error: DecodeError) -> Self {
        let quoted = |reason: &str, before: &str| {
            let (name, _) = reason.strip_prefix(before)?.split_once('`')?;
            let path = error.path();
            // The path of an unknown member includes the member.
            let is_it = path.rsplit('.').next() == Some(name);
            Some(match path {
                "" => name.to_string(),
                path if is_it => path.to_string(),
                path => format!("{path}.{name}"),
            })
        };
        let reason = error.reason();
        if let Some(name) = quoted(reason, "missing field `") {
            return Self::missing(name);
        }
        if let Some(name) = quoted(reason, "unknown field `") {
            return Self::unexpected(name);
        }
        let expected = reason.strip_prefix("invalid ").and_then(|it| it.split_once(", expected "));
        match expected.and_then(|(_, it)| expected_of(it)) {
            Some(expected) if !error.path().is_empty() => Self::wrong_type(error.path(), expected),
            _ => Self(Kind::Other(error)),
        }
    }
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Missing(name) => write!(f, "Parameter '{}' is missing", crate::Escaped(name)),
            Kind::Unexpected(name) => {
                write!(f, "Parameter '{}' is unexpected", crate::Escaped(name))
            }
            Kind::WrongType(name, expected) => {
                let (name, expected) = (crate::Escaped(name), crate::Escaped(expected));
                write!(f, "Invalid parameter type for '{name}', expected: {expected}")
            }
            Kind::WrongValue(name, value) => {
                let (name, value) = (crate::Escaped(name), crate::Escaped(value));
                write!(f, "Parameter '{name}' does not accept value '{value}'")
            }
            Kind::Unsigned(name, 64) => {
                write!(f, "Parameter '{}' expects uint64", crate::Escaped(name))
            }
            Kind::Unsigned(name, bits) => {
                write!(f, "Parameter '{}' expects uint{bits}_t", crate::Escaped(name))
            }
            Kind::Other(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ArgumentError {}

/// Converts serde's name of a type.
fn expected_of(serde: &str) -> Option<Expected> {
    Some(match serde {
        "i8" | "i16" | "i32" | "i64" | "isize" => Expected::Integer,
        "u8" | "u16" | "u32" | "u64" | "usize" => Expected::Unsigned(64),
        "f32" | "f64" => Expected::Number,
        "a boolean" => Expected::Boolean,
        "a string" | "a borrowed string" => Expected::String,
        "unit" => Expected::Null,
        other if other.starts_with("a sequence") => Expected::Array,
        other if other.starts_with("struct ") || other.starts_with("a map") => Expected::Object,
        _ => return None,
    })
}
