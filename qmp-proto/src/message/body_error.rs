//! Errors of received messages with invalid content.

use core::fmt;

use crate::json::{JsonError, JsonErrorKind};

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
