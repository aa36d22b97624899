//! What can be wrong with a JSON text.

use core::fmt;

/// A JSON text that cannot be taken, and where it goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    flaw: JsonErrorKind,
    at: usize,
}

impl JsonError {
    pub(crate) const fn new(flaw: JsonErrorKind, at: usize) -> Self {
        Self { flaw, at }
    }

    /// What is wrong.
    pub const fn kind(&self) -> JsonErrorKind {
        self.flaw
    }

    /// The byte where it was noticed, counted from 0.
    pub const fn offset(&self) -> usize {
        self.at
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.flaw, self.at)
    }
}

impl core::error::Error for JsonError {}

/// The kinds of [`JsonError`].
///
/// The last five are legal JSON that QEMU's parser refuses, or takes as something else than one
/// message; they are errors only in what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// The text ends before its value does.
    Incomplete,
    /// A byte that no JSON value can have there.
    Syntax,
    /// Something other than blanks follows the value.
    Trailing,
    /// A byte below 0x20 inside a string.
    ControlCharacter,
    /// A backslash followed by something that is no escape.
    Escape,
    /// Half of a surrogate pair.
    LoneSurrogate,
    /// Bytes that are not UTF-8.
    Utf8,
    /// More nested arrays and objects than the limit allows.
    TooDeep {
        /// The limit, the outermost value included.
        limit: usize,
    },
    /// The value is not the object that is needed there.
    NotAnObject,
    /// An object has the same member twice.
    DuplicateMember,
    /// A Unicode noncharacter (U+FFFE, say), raw or escaped: QEMU refuses it.
    Noncharacter,
    /// A number that QEMU's lexer does not read as one: a zero with an exponent (`0e5`).
    ZeroExponent,
    /// More than 2,097,152 tokens: QEMU would take the rest for another message.
    TooManyTokens,
    /// More members than can be compared without an allocator.
    TooManyMembers,
}

impl fmt::Display for JsonErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incomplete => "JSON that ends too early",
            Self::Syntax => "invalid JSON",
            Self::Trailing => "something after the JSON value",
            Self::ControlCharacter => "a control character inside a string",
            Self::Escape => "an unknown escape inside a string",
            Self::LoneSurrogate => "half a surrogate pair inside a string",
            Self::Utf8 => "bytes that are not UTF-8",
            Self::TooDeep { limit } => {
                return write!(f, "nesting deeper than {limit} levels");
            }
            Self::NotAnObject => "not a JSON object",
            Self::DuplicateMember => "a member that is there twice",
            Self::Noncharacter => "a Unicode noncharacter, which QEMU refuses,",
            Self::ZeroExponent => "a zero with an exponent, which QEMU cannot read,",
            Self::TooManyTokens => "more than 2097152 tokens, QEMU's limit,",
            Self::TooManyMembers => "more members than can be compared without an allocator",
        })
    }
}
