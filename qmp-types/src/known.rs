//! Which QEMU has what.

/// Which versions of QEMU have a command or an event.
///
/// Distributions port features back, so the numbers tell what to expect. Whether the QEMU at hand
/// has it is a question to that QEMU: see [`Schema`](crate::schema::Schema).
///
/// ```
/// use qmp_types::{BlockdevAdd, Known, QueryMigrationthreads};
///
/// assert_eq!(BlockdevAdd::SINCE, (2, 9));
/// assert_eq!(QueryMigrationthreads::GONE, Some((11, 1)));
/// assert_eq!(QueryMigrationthreads::FEATURES, ["deprecated"]);
/// ```
pub trait Known {
    /// The version that brought it; for a few, the oldest known to have it.
    const SINCE: (u16, u16);

    /// The oldest version that is known not to have it any longer.
    const GONE: Option<(u16, u16)> = None;

    /// Its features in the newest version that has it, such as `deprecated` and `unstable`.
    const FEATURES: &'static [&'static str] = &[];
}
