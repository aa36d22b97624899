//! Parsing a request.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use super::ParseError;
use super::grammar::{Visit, check};
use super::string::{characters, rewrite};
use crate::json::JsonStr;
use crate::server::repeated::Repeated;

/// A message that is an object.
#[derive(Debug)]
pub(in crate::server) struct Request<'b> {
    /// The text, which is JSON without QEMU's extensions.
    pub(in crate::server) text: Cow<'b, str>,
    pub(in crate::server) parts: Parts,
}

/// The ranges of a request's members in the text.
#[derive(Debug)]
pub(in crate::server) struct Parts {
    pub(in crate::server) id: Option<(usize, usize)>,
    pub(in crate::server) arguments: Option<(usize, usize)>,
    /// The name of the command including its quotes, or the reason why this is not a request.
    pub(in crate::server) command: Result<(usize, usize), InvalidRequest>,
    /// Whether the reply does not wait for in-band commands. QEMU decides this by the members
    /// `exec-oob` and `execute`, also for invalid requests.
    pub(in crate::server) out_of_band: bool,
}

/// The reason why an object is not a request.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::server) enum InvalidRequest {
    NoString(&'static str),
    Clash(&'static str, &'static str),
    NoObject,
    Unexpected(String),
    NoCommand,
}

impl fmt::Display for InvalidRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoString(name) => write!(f, "QMP input member '{name}' must be a string"),
            Self::Clash(name, other) => {
                write!(f, "QMP input member '{name}' clashes with '{other}'")
            }
            Self::NoObject => f.write_str("QMP input member 'arguments' must be an object"),
            Self::Unexpected(name) => {
                write!(f, "QMP input member '{}' is unexpected", Repeated(name))
            }
            Self::NoCommand => f.write_str("QMP input lacks member 'execute'"),
        }
    }
}

/// Parses a text that the reader found. Returns `None` if the value is not an object.
pub(in crate::server) fn parse(
    text: &[u8],
    extended: bool,
    out_of_band: bool,
) -> Result<Option<Request<'_>>, ParseError<'_>> {
    if extended {
        let checked = check(text, false, &mut IgnoreMembers);
        let text = rewrite(text);
        let mut members = Members::new(text.as_bytes(), out_of_band);
        // A duplicate member is reported before other errors.
        if let Err(ParseError::DuplicateKey) = check(text.as_bytes(), true, &mut members) {
            return Err(ParseError::DuplicateKey);
        }
        if !checked? {
            return Ok(None);
        }
        let parts = members.parts();
        return Ok(Some(Request { text: text.into(), parts }));
    }
    let mut members = Members::new(text, out_of_band);
    if !check(text, true, &mut members)? {
        return Ok(None);
    }
    let parts = members.parts();
    let text = core::str::from_utf8(text).map_err(|_| ParseError::Utf8)?;
    Ok(Some(Request { text: text.into(), parts }))
}

struct IgnoreMembers;

impl Visit<'_> for IgnoreMembers {
    fn member(&mut self, _: &[u8], _: (usize, usize)) {}
}

/// The member with the name of an out-of-band command.
const OUT_OF_BAND: &str = "exec-oob";

/// Collects the members up to the first invalid one, and the id in any case.
struct Members<'t> {
    text: &'t [u8],
    allows_out_of_band: bool,
    id: Option<(usize, usize)>,
    arguments: Option<(usize, usize)>,
    command: Option<(&'static str, (usize, usize))>,
    invalid: Option<InvalidRequest>,
    has_execute: bool,
    has_out_of_band: bool,
}

impl<'t> Members<'t> {
    const fn new(text: &'t [u8], allows_out_of_band: bool) -> Self {
        Self {
            text,
            allows_out_of_band,
            id: None,
            arguments: None,
            command: None,
            invalid: None,
            has_execute: false,
            has_out_of_band: false,
        }
    }

    fn parts(self) -> Parts {
        let command = match (self.invalid, self.command) {
            (Some(invalid), _) => Err(invalid),
            (None, Some((_, name))) => Ok(name),
            (None, None) => Err(InvalidRequest::NoCommand),
        };
        Parts {
            id: self.id,
            arguments: self.arguments,
            command,
            out_of_band: self.allows_out_of_band && self.has_out_of_band && !self.has_execute,
        }
    }

    fn take(&mut self, name: &[u8], value: (usize, usize)) -> Result<(), InvalidRequest> {
        let first = self.text.get(value.0);
        match name {
            b"\"arguments\"" if first != Some(&b'{') => return Err(InvalidRequest::NoObject),
            b"\"arguments\"" => self.arguments = Some(value),
            b"\"execute\"" => return self.take_command("execute", first, value),
            b"\"exec-oob\"" if self.allows_out_of_band => {
                return self.take_command(OUT_OF_BAND, first, value);
            }
            other => {
                let mut name = String::new();
                // The string is valid.
                let _ = characters(other, |char| name.push(char));
                return Err(InvalidRequest::Unexpected(name));
            }
        }
        Ok(())
    }

    fn take_command(
        &mut self,
        name: &'static str,
        first: Option<&u8>,
        value: (usize, usize),
    ) -> Result<(), InvalidRequest> {
        if first != Some(&b'"') {
            return Err(InvalidRequest::NoString(name));
        }
        if let Some((other, _)) = self.command {
            return Err(InvalidRequest::Clash(name, other));
        }
        self.command = Some((name, value));
        Ok(())
    }
}

impl<'t> Visit<'t> for Members<'t> {
    fn member(&mut self, name: &'t [u8], value: (usize, usize)) {
        let name = known(name);
        self.has_execute |= name == b"\"execute\"";
        self.has_out_of_band |= name == b"\"exec-oob\"";
        if name == b"\"id\"" {
            self.id = Some(value);
        } else if self.invalid.is_none() {
            self.invalid = self.take(name, value).err();
        }
    }
}

/// Returns the name without escapes if it is a known one, or else unchanged.
fn known(name: &[u8]) -> &[u8] {
    const KNOWN: [&str; 4] = ["\"execute\"", "\"exec-oob\"", "\"arguments\"", "\"id\""];
    if memchr::memchr(b'\\', name).is_none() {
        return name;
    }
    let text = JsonStr::new(core::str::from_utf8(name).unwrap_or_default());
    KNOWN.iter().find(|known| text == **known).map_or(name, |known| known.as_bytes())
}
