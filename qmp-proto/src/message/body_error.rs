//! Messages that were received but cannot be read.

use core::fmt;

use crate::json::{JsonError, JsonErrorKind};

/// A reply, error reply or event that was received, but whose content is not valid JSON.
///
/// It is never an error of a request: the command was sent, and the server answered it. That is why
/// it is not a [`JsonError`], which is what a text that was to be sent is refused with.
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
/// assert_eq!((error.flaw(), error.at()), (JsonErrorKind::Syntax, 9));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyError(JsonError);

impl BodyError {
    pub(crate) const fn of(error: JsonError) -> Self {
        Self(error)
    }

    pub(crate) const fn new(flaw: JsonErrorKind, at: usize) -> Self {
        Self(JsonError::new(flaw, at))
    }

    /// What is wrong with it.
    pub const fn kind(&self) -> JsonErrorKind {
        self.0.kind()
    }

    /// The byte where the error was found, counted from 0: of the value that was to be read, or of
    /// the whole message where its members are read.
    pub const fn offset(&self) -> usize {
        self.0.offset()
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "received, but cannot be read: {}", self.0)
    }
}

impl core::error::Error for BodyError {}
