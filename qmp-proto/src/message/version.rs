//! Versions of QEMU.

use core::fmt;

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

    #[test]
    fn versions_are_shown_and_ordered_as_numbers() {
        assert_eq!(std::format!("{}", Version::new(10, 0, 93)), "10.0.93");
        assert!(Version::new(9, 2, 50) < Version::new(10, 0, 0));
    }
}
