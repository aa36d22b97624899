//! Error replies.

use core::fmt;

use crate::Escaped;
use crate::json::{JsonErrorKind, JsonStr, MAX_DEPTH, Members};
use crate::message::{BodyError, RawJson, show};

/// An error reply, borrowed from the received bytes.
#[derive(Clone, Copy)]
pub struct Failure<'b> {
    pub(crate) message: &'b [u8],
    pub(crate) class: &'b str,
    pub(crate) description: JsonStr<'b>,
    pub(crate) id: Option<(usize, usize)>,
}

impl<'b> Failure<'b> {
    /// Returns the class of the error.
    pub fn class(&self) -> ErrorClass<'b> {
        ErrorClass::named(self.class)
    }

    /// Returns the description for people. Its text changes between versions, and may contain text
    /// from a guest, including terminal escapes.
    pub const fn description(&self) -> JsonStr<'b> {
        self.description
    }

    /// Returns the whole value of `error`, including other members.
    ///
    /// # Errors
    ///
    /// If the message is not valid JSON.
    pub fn json(&self) -> Result<RawJson<'b>, BodyError> {
        let mut members = Members::new(self.message, MAX_DEPTH);
        while let Some(member) = members.next().map_err(BodyError::of)? {
            if member.name_among(&["error"]) == b"error" {
                let text = core::str::from_utf8(member.value)
                    .map_err(|error| BodyError::new(JsonErrorKind::Utf8, error.valid_up_to()))?;
                return RawJson::parse(text).map_err(BodyError::of);
            }
        }
        Err(BodyError::new(JsonErrorKind::Incomplete, self.message.len()))
    }

    /// Returns the whole message, without the line end.
    pub const fn message(&self) -> &'b [u8] {
        self.message
    }

    pub(crate) fn id_bytes(&self) -> Option<&'b [u8]> {
        self.id.and_then(|(start, end)| self.message.get(start..end))
    }
}

/// Shows the start of the message with secrets masked, or only its length without the feature
/// `alloc`.
impl fmt::Debug for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "Failure", self.message)
    }
}

/// Writes the class and the description, as [`Escaped`]. With the feature `alloc`, secrets are
/// masked as by [`redact`](crate::redact()).
impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.class())?;
        #[cfg(feature = "alloc")]
        {
            let description = alloc::string::ToString::to_string(&self.description);
            write!(f, "{}", Escaped(crate::Secrets::new().mask(&description)))
        }
        #[cfg(not(feature = "alloc"))]
        write!(f, "{}", Escaped(self.description))
    }
}

/// The class of an error reply, the only part on which a program should depend.
///
/// QEMU has five classes. Other servers have more (StratoVirt's `OperationThrottled`, dozens in
/// QEMU before 1.2), so the set is open. The description is for people: its text changes between
/// versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass<'a> {
    /// An error without a specific class, as most are.
    GenericError,
    /// The command does not exist, is disabled, or was sent before the negotiation.
    CommandNotFound,
    /// The device does not exist. Only some commands use this class.
    DeviceNotFound,
    /// The device is not in use, or the block job does not exist.
    DeviceNotActive,
    /// KVM lacks a required capability.
    KvmMissingCap,
    /// Another class, by its name on the wire.
    Other(&'a str),
}

impl<'a> ErrorClass<'a> {
    /// Returns the class with this name.
    pub fn named(name: &'a str) -> Self {
        match name {
            "GenericError" => Self::GenericError,
            "CommandNotFound" => Self::CommandNotFound,
            "DeviceNotFound" => Self::DeviceNotFound,
            "DeviceNotActive" => Self::DeviceNotActive,
            "KVMMissingCap" => Self::KvmMissingCap,
            other => Self::Other(other),
        }
    }

    /// Returns the name on the wire.
    pub const fn name(&self) -> &'a str {
        match self {
            Self::GenericError => "GenericError",
            Self::CommandNotFound => "CommandNotFound",
            Self::DeviceNotFound => "DeviceNotFound",
            Self::DeviceNotActive => "DeviceNotActive",
            Self::KvmMissingCap => "KVMMissingCap",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for ErrorClass<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // This is text of the peer.
            Self::Other(name) if name.contains(|char| !matches!(char, '!'..='~')) => {
                fmt::Display::fmt(&Escaped(name), f)
            }
            _ => f.pad(self.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_keeps_its_name() {
        for name in [
            "GenericError",
            "CommandNotFound",
            "DeviceNotFound",
            "DeviceNotActive",
            "KVMMissingCap",
            "OperationThrottled",
        ] {
            assert_eq!(ErrorClass::named(name).name(), name);
            assert_eq!(std::format!("{:>20}", ErrorClass::named(name)), std::format!("{name:>20}"));
        }
        assert_eq!(ErrorClass::named("KVMMissingCap"), ErrorClass::KvmMissingCap);
        assert_eq!(ErrorClass::named("New"), ErrorClass::Other("New"));
    }
}
