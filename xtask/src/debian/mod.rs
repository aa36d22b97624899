//! Debian packages unpacked into separate folders; nothing is installed, and root access is not
//! needed.
//!
//! apt works with private state in which almost nothing is installed, so it resolves a package's
//! complete dependencies, including the C library. The unpacked tree depends neither on the
//! machine's libraries nor on its release.

mod apt;
mod closure;
mod mirror;
mod pool;
mod tree;

pub(crate) use apt::{Apt, SuiteGone};
pub(crate) use pool::fetch;
pub(crate) use tree::{Setting, Tree};
