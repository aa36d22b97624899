//! The schemas of several versions as one: a superset, in the newest version's words.
//!
//! Types have no names on the wire and are renamed between versions. So the definitions that
//! belong together are found by walking the commands and events of two versions side by side.

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

/// A version's name, `7.2`, and its schema.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) version: String,
    pub(crate) schema: Schema,
    /// The commands and events that the storage daemon has, too.
    pub(crate) daemon: BTreeSet<String>,
}

/// Members that are left out on purpose: command or event, member, the last version that has it.
///
/// `object-add` of 5.2 takes the object's properties in `props` or beside it; later versions take
/// them beside it alone. The other spelling has a command of its own.
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
