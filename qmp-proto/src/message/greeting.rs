//! The greeting.

use core::fmt;

use crate::json::{JsonError, JsonStr, Lenient, MAX_DEPTH, Members, is_blank, walk_value};
use crate::message::show;

/// The greeting of a monitor, borrowed from the received bytes.
#[derive(Clone, Copy)]
pub struct Greeting<'b> {
    message: &'b [u8],
    version: Option<Version>,
    package: JsonStr<'b>,
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
        Self { message, version, package: JsonStr::new(package), capabilities }
    }

    /// Reads the value of `QMP`, which is valid JSON, in `message`.
    ///
    /// All members are optional, because mock servers send `{"QMP": {}}`.
    pub(crate) fn read(message: &'b [u8], value: &'b [u8]) -> Result<Self, JsonError> {
        let mut greeting = Self {
            message,
            version: None,
            package: JsonStr::default(),
            capabilities: Capabilities { rest: "" },
        };
        let mut members = Members::new(value, MAX_DEPTH);
        while let Some(member) = members.next()? {
            match member.name_among(&["version", "capabilities"]) {
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

    /// Reads the version of `qemu`, or that of another server in its place.
    fn read_version(&mut self, value: &'b [u8]) -> Result<(), JsonError> {
        if !value.starts_with(b"{") {
            return Ok(());
        }
        let mut of_qemu = false;
        let mut members = Members::new(value, MAX_DEPTH);
        while let Some(member) = members.next()? {
            let name = member.name_among(&["package", "qemu"]);
            if name == b"package" {
                if let Some(package) = inside_quotes(member.value) {
                    self.package = JsonStr::new(package);
                }
            } else if member.value.starts_with(b"{") && !of_qemu {
                if let Some(version) = read_numbers(member.value)? {
                    self.version = Some(version);
                    of_qemu = name == b"qemu";
                }
            }
        }
        Ok(())
    }

    /// Returns the server's version, if the greeting contains one with three numbers.
    pub const fn version(&self) -> Option<Version> {
        self.version
    }

    /// Returns the distributor's name of the build, which may be empty.
    pub const fn package(&self) -> JsonStr<'b> {
        self.package
    }

    /// Returns the capabilities that the server offers: `oob`, or none.
    pub const fn capabilities(&self) -> Capabilities<'b> {
        self.capabilities
    }

    /// Returns whether the server offers the capability.
    pub fn offers(&self, capability: &str) -> bool {
        self.capabilities().any(|offered| offered == capability)
    }

    /// Returns the whole message, without the line end.
    pub const fn message(&self) -> &'b [u8] {
        self.message
    }
}

/// Shows the start of the message with secrets masked, or only its length without the feature
/// `alloc`.
impl fmt::Debug for Greeting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "Greeting", self.message)
    }
}

/// Reads a version, if it has all three numbers.
fn read_numbers(value: &[u8]) -> Result<Option<Version>, JsonError> {
    let mut numbers = [None; 3];
    let mut members = Members::new(value, MAX_DEPTH);
    while let Some(member) = members.next()? {
        let number = core::str::from_utf8(member.value).ok().and_then(|it| it.parse().ok());
        let [major, minor, micro] = &mut numbers;
        match member.name_among(&["major", "minor", "micro"]) {
            b"major" => *major = number,
            b"minor" => *minor = number,
            b"micro" => *micro = number,
            _ => {}
        }
    }
    Ok(match numbers {
        [Some(major), Some(minor), Some(micro)] => Some(Version::new(major, minor, micro)),
        _ => None,
    })
}

/// An iterator over the capabilities in a greeting. Elements that are not strings are ignored.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities<'b> {
    /// The rest of the array, which is valid JSON, without its opening bracket.
    rest: &'b str,
}

impl<'b> Iterator for Capabilities<'b> {
    type Item = JsonStr<'b>;

    fn next(&mut self) -> Option<JsonStr<'b>> {
        loop {
            let text = self.rest.as_bytes();
            let between = |byte: &u8| is_blank(*byte) || *byte == b',';
            let at = text.iter().position(|byte| !between(byte))?;
            // After the last element this is the closing bracket, which is not a value.
            let end = walk_value(text, at, MAX_DEPTH, &mut Lenient).ok()?;
            let element = self.rest.get(at..end)?;
            self.rest = self.rest.get(end..)?;
            if let Some(name) = inside_quotes(element.as_bytes()) {
                return Some(JsonStr::new(name));
            }
        }
    }
}

/// Returns the content of a valid JSON value if it is a string.
pub(crate) fn inside_quotes(value: &[u8]) -> Option<&str> {
    let inside = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    core::str::from_utf8(inside).ok()
}

/// The version in a server's greeting: QEMU's, or the one that another server emulates.
///
/// A micro version of 50 is a development build; 90 and more is a release candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Version {
    /// 10 in 10.0.3.
    pub major: u32,
    /// 0 in 10.0.3.
    pub minor: u32,
    /// 3 in 10.0.3.
    pub micro: u32,
}

impl Version {
    /// Returns the version with these three numbers.
    pub const fn new(major: u32, minor: u32, micro: u32) -> Self {
        Self { major, minor, micro }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.micro)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

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

    #[test]
    fn only_strings_in_the_array_are_capabilities() {
        for (capabilities, names) in [
            (r#"{"oob": false}"#, &[][..]),
            (r#"[{"oob": false}]"#, &[]),
            (r#"[["oob"], {"a": ["oob"]}, 1, null, "\u006fob" ,"x"]"#, &["oob", "x"]),
            (r#"[{"]": "\"oob"} , "a,b" ]"#, &["a,b"]),
            ("[ ]", &[]),
        ] {
            let value = format!(r#"{{"c\u0061pabilities": {capabilities}}}"#);
            let greeting = read(&value);
            assert!(greeting.capabilities().eq(names.iter().copied()), "{capabilities}");
            assert_eq!(greeting.offers("oob"), names.contains(&"oob"), "{capabilities}");
        }
    }

    #[test]
    fn a_version_has_three_numbers() {
        let five = Some(Version::new(5, 2, 0));
        for (versions, version) in [
            (r#""qemu": {"major": 5, "minor": 2, "micro": 0}"#, five),
            (r#""other": {"micro": 0, "min\u006fr": 2, "major": 5, "nano": "x"}"#, five),
            (r#""qemu": {"major": 5, "minor": 2, "micro": 0}, "build": {"id": 7}"#, five),
            (
                r#""a": {"major": 1, "minor": 1, "micro": 1}, "qemu": {"major": 5, "minor": 2, "micro": 0}, "z": {"major": 1, "minor": 1, "micro": 1}"#,
                five,
            ),
            (r#""qemu": {"major": "5", "minor": 2, "micro": 0}"#, None),
            (r#""qemu": {"major": 5, "minor": 2}"#, None),
            (r#""qemu": {"major": 5, "minor": -2, "micro": 0}"#, None),
            (r#""qemu": {"major": 5.0, "minor": 2, "micro": 0}"#, None),
            (r#""qemu": {"major": 5000000000, "minor": 2, "micro": 0}"#, None),
            (r#""qemu": "5.2.0""#, None),
            (r#""qemu": [5, 2, 0]"#, None),
        ] {
            let value = format!(r#"{{"version": {{{versions}}}}}"#);
            assert_eq!(read(&value).version(), version, "{versions}");
        }
    }

    #[test]
    fn versions_are_shown_and_ordered_as_numbers() {
        assert_eq!(std::format!("{}", Version::new(10, 0, 93)), "10.0.93");
        assert!(Version::new(9, 2, 50) < Version::new(10, 0, 0));
    }
}
