//! Finds files that import each other.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;
use syn::visit::{self, Visit};
use syn::{ItemMod, ItemUse, UseTree, Visibility};

use super::sources::{File, Sources};

/// The imports of a circle: from which file, to which file, which names.
type Circle = Vec<(String, String, Vec<String>)>;

/// Returns the circles among the files of one crate.
///
/// A `use` that begins with `crate`, `self` or `super` is an import of the file that defines the
/// name. Modules that re-export a name with `pub use` are followed, and declaring a module is not
/// an import.
pub(super) fn circles(sources: &Sources) -> Result<Vec<Circle>> {
    let uses = sources.files.iter().map(Uses::of).collect::<Result<Vec<_>>>()?;
    let mut imports: BTreeMap<(usize, usize), BTreeSet<String>> = BTreeMap::new();
    for (from, one) in uses.iter().enumerate() {
        for import in one.imports.iter().filter(|import| !import.handed_on) {
            let Some((to, name)) = definition(sources, &uses, &import.path) else { continue };
            if from != to {
                imports.entry((from, to)).or_default().insert(name);
            }
        }
    }
    let graph: DiGraphMap<usize, ()> = imports.keys().copied().collect();
    let rings = tarjan_scc(&graph).into_iter().filter(|ring| ring.len() > 1);
    let path = |at: usize| sources.files[at].path.clone();
    Ok(rings
        .map(|ring| {
            let inside = |at: &usize| ring.contains(at);
            let arrows = imports.iter().filter(|((from, to), _)| inside(from) && inside(to));
            arrows
                .map(|((from, to), names)| {
                    (path(*from), path(*to), names.iter().cloned().collect())
                })
                .collect()
        })
        .collect())
}

/// Returns the file that defines what a path leads to, and its name there.
fn definition(sources: &Sources, uses: &[Uses], path: &[String]) -> Option<(usize, String)> {
    let mut path = path.to_vec();
    // Names are re-exported a few times at most.
    for _ in 0..8 {
        let (file, length) = sources.find(&path)?;
        let rest = &path[length..];
        let Some(name) = rest.first() else {
            return Some((file, "self".to_owned()));
        };
        let handed_on = uses[file]
            .imports
            .iter()
            .find(|import| import.handed_on && (import.alias == *name || import.alias == "*"));
        match handed_on {
            Some(import) if import.alias != "*" => {
                path = import.path.iter().chain(&rest[1..]).cloned().collect();
            }
            _ => return Some((file, name.clone())),
        }
    }
    None
}

/// The imports of a file from its own crate.
#[derive(Debug, Default)]
struct Uses {
    module: Vec<String>,
    imports: Vec<Import>,
}

#[derive(Debug)]
struct Import {
    /// From the root of the crate.
    path: Vec<String>,
    /// Its local name.
    alias: String,
    handed_on: bool,
}

impl Uses {
    fn of(file: &File) -> Result<Self> {
        let syntax = syn::parse_file(&file.text).with_context(|| file.path.clone())?;
        let mut uses = Self { module: file.module.clone(), imports: Vec::new() };
        uses.visit_file(&syntax);
        Ok(uses)
    }

    fn add(&mut self, tree: &UseTree, before: &[String], handed_on: bool) {
        let (name, alias) = match tree {
            UseTree::Path(path) => {
                let mut before = before.to_vec();
                before.push(path.ident.to_string());
                return self.add(&path.tree, &before, handed_on);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.add(tree, before, handed_on));
            }
            UseTree::Name(name) => (Some(name.ident.to_string()), name.ident.to_string()),
            UseTree::Rename(name) => (Some(name.ident.to_string()), name.rename.to_string()),
            UseTree::Glob(_) => (None, "*".to_owned()),
        };
        let path: Vec<_> =
            before.iter().cloned().chain(name.filter(|name| name != "self")).collect();
        if let Some(path) = self.absolute(&path) {
            self.imports.push(Import { path, alias, handed_on });
        }
    }

    /// Returns the same path from the root, or `None` if it leads out of the crate.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let mut base = self.module.clone();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => {
                base.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    base.pop()?;
                    rest = &rest[1..];
                }
            }
            // A child by its name alone; anything else is another crate.
            _ if self.module.is_empty() => return None,
            _ => {}
        }
        Some(base.into_iter().chain(rest.iter().cloned()).collect())
    }
}

impl<'ast> Visit<'ast> for Uses {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let handed_on = !matches!(item.vis, Visibility::Inherited);
        self.add(&item.tree, &[], handed_on);
    }

    /// Tests may import anything.
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let test = item.attrs.iter().any(|it| {
            it.path().is_ident("cfg")
                && it.parse_args::<syn::Path>().is_ok_and(|it| it.is_ident("test"))
        });
        if !test {
            visit::visit_item_mod(self, item);
        }
    }
}
