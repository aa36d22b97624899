//! QEMU's parse errors.

use core::fmt;

use super::Lossy;
use crate::server::repeated::REPEATED;

/// A parse error of QEMU.
///
/// The texts are those of QEMU 5.2 to 10.0. QEMU 11.1 adds line and column, changes some texts, and
/// reports errors before the message is complete.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::server) enum ParseError<'b> {
    /// Bytes that are not a token, up to the byte at which the error was found.
    Stray(&'b [u8]),
    /// A limit is exceeded.
    Limit(Limit),
    PrematureEnd,
    ExpectingValue,
    NameNoString,
    MissingColon,
    SeparatorInObject,
    SeparatorInArray,
    DuplicateKey,
    Keyword(&'b [u8]),
    Escape,
    /// An escape that is not a valid character.
    NoCharacter(&'b [u8]),
    Utf8,
}

/// The limits of one message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::server) enum Limit {
    Length,
    Tokens,
    Depth,
}

impl fmt::Display for ParseError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Limit(Limit::Length) => return f.write_str("JSON token size limit exceeded"),
            Self::Limit(Limit::Tokens) => return f.write_str("JSON token count limit exceeded"),
            Self::Limit(Limit::Depth) => return f.write_str("JSON nesting depth limit exceeded"),
            Self::Stray(bytes) => return quoted(f, "stray '", bytes),
            Self::Keyword(word) => return quoted(f, "invalid keyword '", word),
            Self::NoCharacter(escape) => {
                let escape = Lossy(escape);
                return write!(f, "JSON parse error, {escape} is not a valid Unicode character");
            }
            Self::PrematureEnd => "premature EOI",
            Self::ExpectingValue => "expecting value",
            Self::NameNoString => "key is not a string in object",
            Self::MissingColon => "missing : in object pair",
            Self::SeparatorInObject => "expected separator in dict",
            Self::SeparatorInArray => "expected separator in list",
            Self::DuplicateKey => "duplicate key",
            Self::Escape => "invalid escape sequence in string",
            Self::Utf8 => "invalid UTF-8 sequence in string",
        };
        write!(f, "JSON parse error, {text}")
    }
}

/// Writes an error text, truncated after 1023 bytes.
fn quoted(f: &mut fmt::Formatter<'_>, what: &str, bytes: &[u8]) -> fmt::Result {
    let most = REPEATED - what.len();
    let shown = Lossy(&bytes[..bytes.len().min(most)]);
    let end = if bytes.len() < most { "'" } else { "" };
    write!(f, "JSON parse error, {what}{shown}{end}")
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    /// QEMU's buffer has room for 1023 bytes of text.
    #[test]
    fn repeated_bytes_are_truncated_at_the_length_of_qemus_buffer() {
        let room = REPEATED - "stray '".len();
        for (length, shown, quote) in
            [(room - 1, room - 1, "'"), (room, room, ""), (room + 9, room, "")]
        {
            let expected = "JSON parse error, stray '".to_string() + &"a".repeat(shown) + quote;
            assert_eq!(ParseError::Stray(&vec![b'a'; length]).to_string(), expected);
        }
    }
}
