//! Messages that own their bytes, for queues and other threads.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::json::JsonStr;
use crate::message::with_id::message_with_id;
use crate::message::{
    Body, BodyError, ErrorClass, Failure, Greeting, RawJson, Reply, Version, show,
};
use crate::{Escaped, Secrets};

/// A success reply that owns its bytes in one allocation, and is decoded on request.
///
/// A reply of half a mebibyte or more may use up to twice its length, because it has the memory
/// that it was read into. A clone uses only its length.
#[derive(Clone)]
pub struct OwnedReply {
    /// Has spare capacity if it is the memory that the reply was read into. Shrinking it would make
    /// the allocator request memory from the system for each reply.
    message: Vec<u8>,
    value: Range,
    id: Option<(usize, usize)>,
}

/// The range of a value in a message.
#[derive(Clone, Copy, Debug)]
struct Range {
    start: usize,
    end: usize,
}

impl Range {
    const fn of(body: &Body<'_>) -> Self {
        Self { start: body.start, end: body.end }
    }

    const fn within<'b>(&self, message: &'b [u8]) -> Body<'b> {
        Body { message, start: self.start, end: self.end }
    }
}

impl OwnedReply {
    /// Returns `{"return": {}}`, for commands that succeed without a reply.
    pub fn empty() -> Self {
        const MESSAGE: &[u8] = b"{\"return\": {}}";
        let value = Range { start: MESSAGE.len() - 3, end: MESSAGE.len() - 1 };
        Self { message: MESSAGE.into(), value, id: None }
    }

    pub(super) const fn of(
        message: Vec<u8>,
        value: core::ops::Range<usize>,
        id: Option<(usize, usize)>,
    ) -> Self {
        Self { message, value: Range { start: value.start, end: value.end }, id }
    }

    /// Returns the borrowed reply.
    pub(crate) fn as_reply(&self) -> Reply<'_> {
        Reply { body: self.value.within(&self.message), id: self.id }
    }

    /// Returns the value of `return`, which is `{}` for a command that returns nothing.
    ///
    /// # Errors
    ///
    /// If the value is not valid JSON.
    pub fn json(&self) -> Result<RawJson<'_>, BodyError> {
        self.as_reply().json()
    }

    /// Returns the whole message, not validated, without the line end.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Returns the whole message with another id, or without one: the reply that the server would
    /// have sent to the message of [`Client::execute_raw`](crate::Client::execute_raw) with its
    /// original id.
    ///
    /// # Errors
    ///
    /// If the message is not valid JSON.
    pub fn message_with_id(&self, id: Option<&str>) -> Result<Vec<u8>, BodyError> {
        // The value may not be validated yet.
        self.json()?;
        message_with_id(&self.message, id)
    }
}

impl Reply<'_> {
    /// Copies the reply.
    pub fn into_owned(self) -> OwnedReply {
        OwnedReply { message: self.message().into(), value: Range::of(&self.body), id: self.id }
    }
}

/// An error reply that owns its text.
#[derive(Clone)]
pub struct OwnedFailure {
    message: Box<[u8]>,
    class: String,
    description: String,
    /// The description with the secrets of the command masked.
    masked: Option<Box<str>>,
}

impl OwnedFailure {
    /// Returns the class of the error.
    pub fn class(&self) -> ErrorClass<'_> {
        ErrorClass::named(&self.class)
    }

    /// Returns the description for people. Its text changes between versions.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Masks the secrets of the failed command when the error is displayed. The accessors return
    /// the unchanged text.
    #[must_use]
    pub fn masking(mut self, secrets: &Secrets) -> Self {
        if let Cow::Owned(masked) = secrets.mask(&self.description) {
            self.masked = Some(masked.into());
        }
        self
    }

    /// As [`Failure::json`].
    ///
    /// # Errors
    ///
    /// If the message is not valid JSON.
    pub fn json(&self) -> Result<RawJson<'_>, BodyError> {
        Failure { message: &self.message, class: "", description: JsonStr::default(), id: None }
            .json()
    }

    /// Returns the whole message, without the line end.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// As [`OwnedReply::message_with_id`].
    ///
    /// # Errors
    ///
    /// If the message is not valid JSON.
    pub fn message_with_id(&self, id: Option<&str>) -> Result<Vec<u8>, BodyError> {
        message_with_id(&self.message, id)
    }
}

/// As [`Failure`], with the secrets passed to [`masking`](Self::masking) masked, too.
impl fmt::Display for OwnedFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = self.class();
        match &self.masked {
            Some(masked) => write!(f, "{class}: {}", Escaped(masked)),
            None => write!(f, "{class}: {}", Escaped(Secrets::new().mask(&self.description))),
        }
    }
}

impl core::error::Error for OwnedFailure {}

impl Failure<'_> {
    /// Copies the error reply.
    pub fn into_owned(self) -> OwnedFailure {
        OwnedFailure {
            message: self.message.into(),
            class: self.class.into(),
            description: self.description.to_string(),
            masked: None,
        }
    }
}

/// A greeting that owns its text.
#[derive(Clone, Default)]
pub struct OwnedGreeting {
    message: Box<[u8]>,
    version: Option<Version>,
    package: Box<str>,
    capabilities: Box<[String]>,
}

impl OwnedGreeting {
    /// Returns the server's version, if the greeting contains one.
    pub const fn version(&self) -> Option<Version> {
        self.version
    }

    /// Returns the distributor's name of the build, which may be empty.
    pub fn package(&self) -> &str {
        &self.package
    }

    /// Returns the capabilities that the server offers.
    pub fn capabilities(&self) -> &[String] {
        &self.capabilities
    }

    /// Returns whether the server offers the capability.
    pub fn offers(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|offered| offered == capability)
    }

    /// Returns the whole message, without the line end.
    pub fn message(&self) -> &[u8] {
        &self.message
    }
}

impl Greeting<'_> {
    /// Copies the greeting.
    pub fn into_owned(self) -> OwnedGreeting {
        OwnedGreeting {
            message: self.message().into(),
            version: self.version(),
            package: self.package().to_string().into(),
            capabilities: self.capabilities().map(|name| name.to_string()).collect(),
        }
    }
}

impl fmt::Debug for OwnedReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "OwnedReply", &self.message)
    }
}

impl fmt::Debug for OwnedFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.masked {
            Some(_) => write!(f, "OwnedFailure({self})"),
            None => show(f, "OwnedFailure", &self.message),
        }
    }
}

impl fmt::Debug for OwnedGreeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "OwnedGreeting", &self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::MAX_DEPTH;
    use crate::message::Message;
    use crate::wire::split;

    #[test]
    fn an_owned_failure_has_the_same_parts() {
        let line = br#"{"id": 7, "error": {"class": "DeviceNotFound", "desc": "no \"x\""}}"#;
        let Message::Failure(failure) = split(line, MAX_DEPTH).unwrap() else { panic!() };
        let owned = failure.into_owned();
        assert_eq!(owned.class(), ErrorClass::DeviceNotFound);
        assert_eq!(owned.description(), "no \"x\"");
        let error = r#"{"class": "DeviceNotFound", "desc": "no \"x\""}"#;
        assert_eq!(owned.json().unwrap().as_str(), error);
        assert_eq!(owned.to_string(), "DeviceNotFound: no \"x\"");
        assert_eq!(owned.message(), line);
    }

    #[test]
    fn a_failure_displays_no_secret_and_no_control_character() {
        let line =
            br#"{"error": {"class": "A\u001b[2J", "desc": "\u0007https://me:pw@h 'hunter2'"}}"#;
        let Message::Failure(failure) = split(line, MAX_DEPTH).unwrap() else { panic!() };
        let owned = failure.into_owned();
        let escaped = r"A\u001b[2J: \u{7}https://••••@h 'hunter2'";
        assert_eq!((failure.to_string(), owned.to_string()), (escaped.into(), escaped.into()));
        let secrets = Secrets::in_command("set_password", r#"{"password": "hunter2"}"#);
        let masked = owned.masking(&secrets);
        for shown in [masked.to_string(), alloc::format!("{masked:?}")] {
            assert!(shown.contains("'••••'") && !shown.contains("hunter2"), "{shown}");
        }
        assert!(masked.description().contains("'hunter2'"), "the text itself is unchanged");
    }

    #[test]
    fn an_empty_reply_is_an_empty_object() {
        assert_eq!(OwnedReply::empty().json().unwrap().as_str(), "{}");
    }
}
