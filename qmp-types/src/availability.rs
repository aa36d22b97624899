//! The versions of QEMU that have a command or an event.

/// The versions of QEMU that have a command or an event.
///
/// Distributions port features back and leave features out. To determine whether a running QEMU has a
/// command or an event, use its [`Schema`](crate::schema::Schema).
///
/// ```
/// use qmp_types::{Availability, BlockdevAdd, QueryMigrationthreads};
///
/// assert_eq!(BlockdevAdd::SINCE, (2, 9));
/// assert_eq!(QueryMigrationthreads::GONE, Some((11, 1)));
/// assert_eq!(QueryMigrationthreads::FEATURES, ["deprecated"]);
/// ```
pub trait Availability {
    /// The version that introduced it. For a few, the oldest version that is known to have it.
    const SINCE: (u16, u16);

    /// The oldest version that is known to have removed it.
    const GONE: Option<(u16, u16)> = None;

    /// Its features in the newest version that has it, such as `deprecated` and `unstable`.
    const FEATURES: &'static [&'static str] = &[];
}
