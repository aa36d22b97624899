//! Where each version of QEMU comes from.

/// A version of QEMU and the Debian suites that have it.
pub(super) struct Release {
    pub(super) version: &'static str,
    pub(super) suites: &'static [&'static str],
    /// The suite to prefer. Without it, backports are offered but not used.
    pub(super) prefer: Option<&'static str>,
}

/// Oldest first. When a suite gets another version of QEMU, update its line here.
pub(super) const RELEASES: [Release; 4] = [
    Release { version: "5.2", suites: &["bullseye"], prefer: None },
    Release { version: "7.2", suites: &["bookworm"], prefer: None },
    Release { version: "10.0", suites: &["trixie"], prefer: None },
    Release {
        version: "11.1",
        suites: &["trixie", "trixie-backports"],
        prefer: Some("trixie-backports"),
    },
];

impl Release {
    /// Returns whether a full version such as `7.2.22` or `5.2+dfsg` belongs to this release.
    pub(super) fn covers(&self, full_version: &str) -> bool {
        full_version
            .strip_prefix(self.version)
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_covers_its_own_point_releases_only() {
        let covering = |full: &str| -> Vec<&str> {
            let covers = RELEASES.iter().filter(|release| release.covers(full));
            covers.map(|release| release.version).collect()
        };
        assert_eq!(covering("5.2+dfsg"), ["5.2"]);
        assert_eq!(covering("7.2.22"), ["7.2"]);
        assert_eq!(covering("11.1.3+ds"), ["11.1"]);
        assert!(covering("11.10.0").is_empty());
        assert!(covering("8.2").is_empty());
    }
}
