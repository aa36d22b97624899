//! Merges the schemas of several versions into a superset, with the newest version's names.
//!
//! Types have no names on the wire and are renamed between versions. So matching definitions are
//! found by walking the commands and events of two versions side by side.

mod presence;
mod shape;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::qapi::Schema;

pub(crate) use presence::{Manual, facts};
pub(crate) use shape::Shape;

/// A version's name, such as `7.2`, and its schema.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) version: String,
    pub(crate) schema: Schema,
    /// The commands and events that the storage daemon has, too.
    pub(crate) daemon: BTreeSet<String>,
}

/// Members that are intentionally left out: command or event, member, the last version that has it.
///
/// `object-add` of 5.2 accepts the object's properties in `props` or next to it; later versions
/// accept them only next to it. The other form has a command of its own.
const LEFT_OUT: [(&str, &str); 1] = [("object-add", "props")];

/// The definitions of all releases, which are given oldest first.
#[derive(Debug)]
pub(crate) struct Merged {
    pub(crate) shapes: Vec<Shape>,
    /// Changes of type that no rule covers.
    pub(crate) mismatches: BTreeSet<String>,
}

/// Merges releases, oldest first.
pub(crate) fn merge(releases: &[Release]) -> Result<Merged> {
    let mut walk = walk::Walk::new(releases);
    for version in (0..releases.len()).rev() {
        walk.match_roots(version);
        walk.add_all(version);
    }
    let merged = walk.finish();
    if !merged.mismatches.is_empty() {
        let list: Vec<&str> = merged.mismatches.iter().map(String::as_str).collect();
        bail!("types changed in a way that no rule covers:\n{}", list.join("\n"));
    }
    Ok(merged)
}
