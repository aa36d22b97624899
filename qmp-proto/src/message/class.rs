//! Error classes.

use core::fmt;

use crate::Escaped;

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
    use super::ErrorClass;

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
