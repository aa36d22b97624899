//! Error classes.

use core::fmt;

use crate::Escaped;

/// The class of an error answer: the only part of it that a program should look at.
///
/// QEMU's five are named; others exist (StratoVirt's `OperationThrottled`, the dozens of QEMU before
/// 1.2), so the set is open. The description beside it is for people: its text changes between
/// versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass<'a> {
    /// Anything that has no class of its own, and most errors have none.
    GenericError,
    /// No such command, or not now: disabled, or before negotiation.
    CommandNotFound,
    /// No such device, says a command that tells this apart.
    DeviceNotFound,
    /// The device is there but not in use; also what is said of an unknown block job.
    DeviceNotActive,
    /// KVM cannot do what is needed.
    KvmMissingCap,
    /// A class of another server, as it stands on the wire.
    Other(&'a str),
}

impl<'a> ErrorClass<'a> {
    /// The class with that name.
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

    /// Its name on the wire.
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
            // The text of a peer.
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
