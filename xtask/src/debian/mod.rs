//! Debian packages unpacked into folders of their own: nothing is installed, no root rights.
//!
//! apt works on private state in which almost nothing is installed, so it resolves a package's
//! whole closure, C library included, and the unpacked tree does not depend on the machine's own
//! libraries, nor on its release.

mod apt;
mod closure;
mod mirror;
mod pool;
mod tree;

pub(crate) use apt::{Apt, SuiteGone};
pub(crate) use pool::fetch;
pub(crate) use tree::{Setting, Tree};
