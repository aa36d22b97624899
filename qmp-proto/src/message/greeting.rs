//! The greeting.

use core::fmt;

use crate::json::{JsonError, MAX_DEPTH, Members, Text};
use crate::message::{Version, show};

/// The first message of a monitor, borrowed from the bytes it came in.
#[derive(Clone, Copy)]
pub struct Greeting<'b> {
    message: &'b [u8],
    version: Option<Version>,
    package: Text<'b>,
    capabilities: Capabilities<'b>,
}

impl<'b> Greeting<'b> {
    /// `capabilities` is the inside of an array of strings.
    pub(crate) const fn new(
        message: &'b [u8],
        version: Version,
        package: &'b str,
        capabilities: &'b str,
    ) -> Self {
        let version = Some(version);
        let capabilities = Capabilities { rest: capabilities };
        Self { message, version, package: Text::new(package), capabilities }
    }

    /// Reads the value of `QMP`, already checked to be JSON; `message` is what it came in.
    ///
    /// Whatever is missing is left out: test doubles greet with `{"QMP": {}}`.
    pub(crate) fn read(message: &'b [u8], value: &'b [u8]) -> Result<Self, JsonError> {
        let mut greeting = Self {
            message,
            version: None,
            package: Text::default(),
            capabilities: Capabilities { rest: "" },
        };
        let mut members = Members::new(value, MAX_DEPTH);
        while let Some(member) = members.next()? {
            match member.name {
                b"version" => greeting.read_version(member.value)?,
                b"capabilities" => {
                    let list = core::str::from_utf8(member.value).unwrap_or_default();
                    let list = list.strip_prefix('[').unwrap_or_default();
                    greeting.capabilities = Capabilities { rest: list };
                }
                _ => {}
            }
        }
        Ok(greeting)
    }

    /// Takes the number from `qemu`, or from what another server calls itself there.
    fn read_version(&mut self, value: &'b [u8]) -> Result<(), JsonError> {
        if !value.starts_with(b"{") {
            return Ok(());
        }
        let mut members = Members::new(value, MAX_DEPTH);
        while let Some(member) = members.next()? {
            if member.name == b"package" {
                if let Some(package) = inside_quotes(member.value) {
                    self.package = Text::new(package);
                }
            } else if member.value.starts_with(b"{") {
                let mut numbers = Members::new(member.value, MAX_DEPTH);
                let mut version = Version::default();
                while let Some(number) = numbers.next()? {
                    let value = core::str::from_utf8(number.value).ok();
                    let value = value.and_then(|value| value.parse().ok()).unwrap_or_default();
                    match number.name {
                        b"major" => version.major = value,
                        b"minor" => version.minor = value,
                        b"micro" => version.micro = value,
                        _ => {}
                    }
                }
                self.version = Some(version);
            }
        }
        Ok(())
    }

    /// The version the server names, if it names one.
    pub const fn version(&self) -> Option<Version> {
        self.version
    }

    /// What the distributor calls the build; may be empty.
    pub const fn package(&self) -> Text<'b> {
        self.package
    }

    /// What the server offers to switch on: `oob`, or nothing.
    pub const fn capabilities(&self) -> Capabilities<'b> {
        self.capabilities
    }

    /// Whether the server offers the capability.
    pub fn offers(&self, capability: &str) -> bool {
        self.capabilities().any(|offered| offered == capability)
    }

    /// The whole message, without the line end.
    pub const fn message(&self) -> &'b [u8] {
        self.message
    }
}

/// The beginning of the message, secrets masked; without the feature `alloc`, its length.
impl fmt::Debug for Greeting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "Greeting", self.message)
    }
}

/// The names of the capabilities in a greeting.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities<'b> {
    /// What is left of the array, its brackets not looked at.
    rest: &'b str,
}

impl<'b> Iterator for Capabilities<'b> {
    type Item = Text<'b>;

    fn next(&mut self) -> Option<Text<'b>> {
        // Every string in the array counts, so finding quotes is enough.
        let start = self.rest.find('"')? + 1;
        let mut end = start;
        loop {
            match self.rest.as_bytes().get(end)? {
                b'"' => break,
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        let name = Text::new(self.rest.get(start..end)?);
        self.rest = self.rest.get(end + 1..)?;
        Some(name)
    }
}

/// The inside of a JSON string, of a value already checked.
pub(crate) fn inside_quotes(value: &[u8]) -> Option<&str> {
    let inside = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    core::str::from_utf8(inside).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Greeting<'_> {
        Greeting::read(value.as_bytes(), value.as_bytes()).unwrap()
    }

    #[test]
    fn a_greeting_of_qemu_is_read() {
        let greeting = read(
            r#"{"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian \"7\""}, "capabilities": ["oob", "x\"y"]}"#,
        );
        assert_eq!(greeting.version(), Some(Version::new(7, 2, 22)));
        assert_eq!(greeting.package(), "Debian \"7\"");
        assert!(greeting.offers("oob") && greeting.offers("x\"y") && !greeting.offers("y"));
        assert_eq!(greeting.capabilities().count(), 2);
    }

    #[test]
    fn a_greeting_may_lack_everything() {
        for value in [r#"{}"#, r#"{"version": {}}"#, r#"{"version": 1, "capabilities": "oob"}"#] {
            let greeting = read(value);
            assert_eq!(greeting.version(), None);
            assert_eq!(greeting.package(), "");
            assert_eq!(greeting.capabilities().count(), 0);
        }
    }
}
