//! JSON values inside a message.

use core::fmt;
use core::str::Utf8Error;

use crate::escaped::is_control;
use crate::json::{JsonError, JsonErrorKind, Lenient, MAX_DEPTH, skip_blanks, walk_value};
use crate::message::show;
use crate::wire::Parts;

/// The text of one JSON value, validated: it conforms to JSON's grammar, is UTF-8, and has at most
/// 1024 levels.
///
/// Numbers may exceed any Rust type, and objects may have duplicate members. Decoding may refuse
/// these.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawJson<'b>(&'b str);

impl<'b> RawJson<'b> {
    /// Validates a text.
    ///
    /// # Errors
    ///
    /// If the text is not exactly one JSON value, with optional blanks around it.
    pub fn parse(text: &'b str) -> Result<Self, JsonError> {
        let start = skip_blanks(text.as_bytes(), 0);
        let end = walk_value(text.as_bytes(), start, MAX_DEPTH, &mut Lenient)?;
        let rest = skip_blanks(text.as_bytes(), end);
        match text.get(start..end) {
            Some(value) if rest == text.len() => Ok(Self(value)),
            _ => Err(JsonError::new(JsonErrorKind::Trailing, rest)),
        }
    }

    /// Wraps a valid text without blanks around it.
    #[cfg(feature = "alloc")]
    pub(crate) const fn trusted(text: &'b str) -> Self {
        Self(text)
    }

    /// Returns the text, without blanks around it.
    pub const fn as_str(self) -> &'b str {
        self.0
    }
}

/// Writes the same value on one line and without control characters: these are written as JSON
/// escapes, and line ends as blanks. [`as_str`](RawJson::as_str) returns the text unchanged.
impl fmt::Display for RawJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((at, char)) = rest.char_indices().find(|(_, char)| is_control(*char)) {
            f.write_str(rest.get(..at).unwrap_or_default())?;
            match char {
                // In valid JSON these are outside of strings.
                '\n' | '\r' | '\t' => f.write_str(" ")?,
                char => {
                    for unit in char.encode_utf16(&mut [0; 2]) {
                        write!(f, "\\u{unit:04x}")?;
                    }
                }
            }
            rest = rest.get(at + char.len_utf8()..).unwrap_or_default();
        }
        f.write_str(rest)
    }
}

/// Shows the start of the text with secrets masked, or only its length without the feature `alloc`.
impl fmt::Debug for RawJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "RawJson", self.0.as_bytes())
    }
}

/// The part of a message that is validated when it is read.
#[derive(Clone, Copy)]
pub(crate) struct Body<'b> {
    /// The whole message.
    pub(crate) message: &'b [u8],
    /// The supposed range of the value in the message.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl<'b> Body<'b> {
    /// Returns the supposed bytes of the value.
    pub(crate) fn bytes(&self) -> &'b [u8] {
        self.message.get(self.start..self.end).unwrap_or_default()
    }

    /// Returns the bytes as text.
    pub(crate) fn text(&self) -> Result<&'b str, Utf8Error> {
        core::str::from_utf8(self.bytes())
    }

    /// Validates and returns the value.
    pub(crate) fn json(&self) -> Result<RawJson<'b>, BodyError> {
        self.json_in(self.text())
    }

    /// As [`json`](Self::json), with the result of the UTF-8 validation.
    pub(crate) fn json_in(
        &self,
        text: Result<&'b str, Utf8Error>,
    ) -> Result<RawJson<'b>, BodyError> {
        let text =
            text.map_err(|error| BodyError::new(JsonErrorKind::Utf8, error.valid_up_to()))?;
        // The message around it is one level more.
        let end = walk_value(text.as_bytes(), 0, MAX_DEPTH - 1, &mut Lenient);
        match end.map_err(BodyError::of)? {
            end if end == text.len() => Ok(RawJson(text)),
            // Other members may follow the value, though QEMU sends none. Only `Parts` finds its
            // end.
            end if self.is_body(end) => match text.get(..end) {
                Some(value) => Ok(RawJson(value)),
                None => Err(BodyError::new(JsonErrorKind::Trailing, end)),
            },
            end => Err(BodyError::new(JsonErrorKind::Trailing, end)),
        }
    }

    /// Returns whether the value of this length is the body of the message.
    #[cold]
    #[inline(never)]
    fn is_body(&self, length: usize) -> bool {
        let mut parts = Parts::default();
        parts.read(self.message, MAX_DEPTH).is_ok()
            && parts.has_body(self.message, self.start, self.start + length)
    }
}

/// The content of a received reply, error reply or event is not valid JSON.
///
/// It is never an error of a request: the command was sent and answered. A text to be sent causes a
/// [`JsonError`] instead.
///
/// ```
/// use qmp_proto::{Client, JsonErrorKind, Options, Received};
/// # use qmp_proto::{FixedOutput, Request};
/// # let mut memory = [0; 64];
/// # let mut out = FixedOutput::new(&mut memory);
/// # let mut client: Client<(), 4> = Client::monitor(Options::monitor());
/// # client.handle_input(br#"{"QMP": {"version": {}, "capabilities": []}}"#)?;
/// # client.negotiate(&mut FixedOutput::new(&mut [0; 128]), 0, &[])?;
/// # client.handle_input(br#"{"return": {}, "id": 4503599627370496}"#)?;
/// # client.execute(&mut out, Request::new("x"), ()).map_err(|refused| refused.reason)?;
///
/// let input = b"{\"return\": {\"load\": NaN}, \"id\": 0}\r\n";
/// let Some(Received::Reply(answer)) = client.handle_input(input)?.received else { panic!() };
/// let error = answer.outcome.unwrap().json().unwrap_err();
/// assert_eq!((error.kind(), error.offset()), (JsonErrorKind::Syntax, 9));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyError(JsonError);

impl BodyError {
    pub(crate) const fn of(error: JsonError) -> Self {
        Self(error)
    }

    pub(crate) const fn new(kind: JsonErrorKind, offset: usize) -> Self {
        Self(JsonError::new(kind, offset))
    }

    /// Returns the kind of the error.
    pub const fn kind(&self) -> JsonErrorKind {
        self.0.kind()
    }

    /// Returns the offset of the byte at which the error was found, in the value or, for a whole
    /// message, in the message.
    pub const fn offset(&self) -> usize {
        self.0.offset()
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the received message is not valid: {}", self.0)
    }
}

impl core::error::Error for BodyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_writes_the_same_value_on_one_line() {
        let text = "{\"a\":\r\n\t[\"é\u{7f}\u{9b}\u{202e}\u{e0001}\", \"\\u001b\"]}";
        let shown = std::format!("{}", RawJson::parse(text).unwrap());
        assert_eq!(shown, r#"{"a":   ["é\u007f\u009b\u202e\udb40\udc01", "\u001b"]}"#);
        let value = |text: &str| -> serde_json::Value { serde_json::from_str(text).unwrap() };
        assert_eq!(value(&shown), value(text));
    }

    #[test]
    fn a_text_is_exactly_one_value() {
        assert_eq!(RawJson::parse(" [1] ").unwrap().as_str(), "[1]");
        assert_eq!(RawJson::parse("[1] 2").unwrap_err().kind(), JsonErrorKind::Trailing);
        assert_eq!(RawJson::parse("").unwrap_err().kind(), JsonErrorKind::Incomplete);
    }
}
