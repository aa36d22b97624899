//! Errors in JSON text.

use core::fmt;

/// The error of an invalid JSON text, and its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    kind: JsonErrorKind,
    offset: usize,
}

impl JsonError {
    pub(crate) const fn new(kind: JsonErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    /// Returns the kind of the error.
    pub const fn kind(&self) -> JsonErrorKind {
        self.kind
    }

    /// Returns the offset of the byte at which the error was found.
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind, self.offset)
    }
}

impl core::error::Error for JsonError {}

/// The kinds of [`JsonError`].
///
/// The last five are valid JSON that QEMU refuses or does not read as one message. They are errors
/// only in messages to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// The text ends inside the value.
    Incomplete,
    /// A byte that is not valid JSON at its position.
    Syntax,
    /// Bytes other than blanks after the value.
    Trailing,
    /// A byte below 0x20 inside a string.
    ControlCharacter,
    /// An invalid escape sequence.
    Escape,
    /// Half of a surrogate pair.
    LoneSurrogate,
    /// Bytes that are not UTF-8.
    Utf8,
    /// More nested arrays and objects than the limit allows.
    TooDeep {
        /// The limit, including the outermost value.
        limit: usize,
    },
    /// A value other than the required object.
    NotAnObject,
    /// Two members of an object with the same name.
    DuplicateMember,
    /// A Unicode noncharacter, such as U+FFFE, raw or escaped, which QEMU refuses.
    Noncharacter,
    /// A zero with an exponent (`0e5`), which QEMU does not read as one number.
    ZeroExponent,
    /// More than 2,097,152 tokens, after which QEMU starts another message.
    TooManyTokens,
    /// More members than the crate compares without an allocator.
    TooManyMembers,
}

impl fmt::Display for JsonErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incomplete => "incomplete JSON",
            Self::Syntax => "invalid JSON",
            Self::Trailing => "trailing bytes after the JSON value",
            Self::ControlCharacter => "a control character inside a string",
            Self::Escape => "an invalid escape inside a string",
            Self::LoneSurrogate => "half a surrogate pair inside a string",
            Self::Utf8 => "bytes that are not UTF-8",
            Self::TooDeep { limit } => {
                return write!(f, "nesting deeper than {limit} levels");
            }
            Self::NotAnObject => "not a JSON object",
            Self::DuplicateMember => "a duplicate member",
            Self::Noncharacter => "a Unicode noncharacter, which QEMU refuses,",
            Self::ZeroExponent => "a zero with an exponent, which QEMU cannot read,",
            Self::TooManyTokens => "more than 2097152 tokens, QEMU's limit,",
            Self::TooManyMembers => "more members than are compared without an allocator",
        })
    }
}
