//! The tiers of qmp-proto: the parts of Rust's library that it uses.

/// A choice of qmp-proto's features.
pub(crate) struct Tier {
    pub(crate) name: &'static str,
    /// The options that select it on cargo's command line.
    pub(crate) args: &'static [&'static str],
}

/// From the smallest to the largest; none of them needs `std`.
pub(crate) const TIERS: [Tier; 3] = [
    Tier { name: "core", args: &["--no-default-features"] },
    Tier { name: "alloc", args: &["--no-default-features", "--features", "alloc"] },
    Tier { name: "serde", args: &["--no-default-features", "--features", "serde"] },
];
