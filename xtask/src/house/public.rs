//! Finds the items of other crates that are part of the public interface.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use syn::visit::{self, Visit};
use syn::{ImplItem, Item, ItemUse, Path, UseTree, Visibility};

use super::sources::{File, Sources};

/// Crates that are part of the language, or of this workspace.
const OWN: [&str; 6] = ["std", "core", "alloc", "crate", "self", "super"];

/// Returns the items of other crates in the signatures of public items, as `crate::Item`.
///
/// What is `pub` is taken for public: `unreachable_pub` warns of other items. Files of bindings for
/// one platform count as well.
pub(super) fn foreign_items(sources: &Sources) -> Result<BTreeSet<String>> {
    let modules: BTreeSet<&str> =
        sources.files.iter().flat_map(|file| &file.module).map(String::as_str).collect();
    let mut found = BTreeSet::new();
    for file in &sources.files {
        found.extend(of_file(file)?);
    }
    // A path that begins with a module is one of this crate.
    found.retain(|item| !modules.contains(item.split("::").next().unwrap_or_default()));
    Ok(found)
}

fn of_file(file: &File) -> Result<BTreeSet<String>> {
    let syntax = syn::parse_file(&file.text).with_context(|| file.path.clone())?;
    let mut imports = BTreeMap::new();
    for item in &syntax.items {
        if let Item::Use(item) = item {
            import(&item.tree, &mut Vec::new(), &mut imports);
        }
    }
    let private = syntax.items.iter().filter_map(|item| match item {
        Item::Struct(it) if !is_public(&it.vis) => Some(it.ident.to_string()),
        Item::Enum(it) if !is_public(&it.vis) => Some(it.ident.to_string()),
        _ => None,
    });
    let mut search = Search { imports, private: private.collect(), found: BTreeSet::new() };
    syntax.items.iter().for_each(|item| search.item(item));
    Ok(search.found)
}

/// Adds the local names of a `use`, with the paths that they stand for.
fn import(tree: &UseTree, before: &mut Vec<String>, imports: &mut BTreeMap<String, Vec<String>>) {
    let mut add = |local: String, name: String| {
        let path = before.iter().cloned().chain((name != "self").then_some(name)).collect();
        imports.insert(local, path);
    };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            import(&path.tree, before, imports);
            before.pop();
        }
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| import(tree, before, imports));
        }
        UseTree::Name(name) if name.ident == "self" => {
            let local = before.last().cloned().unwrap_or_default();
            add(local, "self".to_owned());
        }
        UseTree::Name(name) => add(name.ident.to_string(), name.ident.to_string()),
        UseTree::Rename(name) => add(name.rename.to_string(), name.ident.to_string()),
        UseTree::Glob(_) => {}
    }
}

struct Search {
    imports: BTreeMap<String, Vec<String>>,
    /// The types of the file that are not public.
    private: BTreeSet<String>,
    found: BTreeSet<String>,
}

impl Search {
    fn item(&mut self, item: &Item) {
        match item {
            Item::Fn(it) if is_public(&it.vis) => self.visit_signature(&it.sig),
            Item::Struct(it) if is_public(&it.vis) => {
                self.visit_generics(&it.generics);
                let public = it.fields.iter().filter(|field| is_public(&field.vis));
                public.for_each(|field| self.visit_type(&field.ty));
            }
            Item::Enum(it) if is_public(&it.vis) => visit::visit_item_enum(self, it),
            Item::Type(it) if is_public(&it.vis) => visit::visit_item_type(self, it),
            Item::Trait(it) if is_public(&it.vis) => {
                self.visit_generics(&it.generics);
                it.supertraits.iter().for_each(|bound| self.visit_type_param_bound(bound));
                for item in &it.items {
                    match item {
                        syn::TraitItem::Fn(it) => self.visit_signature(&it.sig),
                        syn::TraitItem::Type(it) => visit::visit_trait_item_type(self, it),
                        _ => {}
                    }
                }
            }
            Item::Impl(it) if !self.is_private(&it.self_ty) => {
                if let Some((_, of, _)) = &it.trait_ {
                    self.visit_path(of);
                }
                let public = it.items.iter().filter_map(|item| match item {
                    ImplItem::Fn(it) if is_public(&it.vis) => Some(&it.sig),
                    _ => None,
                });
                let signatures: Vec<_> = public.collect();
                if !signatures.is_empty() {
                    self.visit_generics(&it.generics);
                }
                signatures.into_iter().for_each(|signature| self.visit_signature(signature));
            }
            Item::Use(it) if is_public(&it.vis) => self.handed_on(it),
            Item::Mod(it) if !is_test(it) => {
                let items = it.content.iter().flat_map(|(_, items)| items);
                items.for_each(|item| self.item(item));
            }
            _ => {}
        }
    }

    fn is_private(&self, of: &syn::Type) -> bool {
        match of {
            syn::Type::Path(of) => of
                .path
                .segments
                .last()
                .is_some_and(|name| self.private.contains(&name.ident.to_string())),
            _ => false,
        }
    }

    fn handed_on(&mut self, item: &ItemUse) {
        let mut names = BTreeMap::new();
        import(&item.tree, &mut Vec::new(), &mut names);
        names.values().for_each(|path| self.add(path));
    }

    fn add(&mut self, path: &[String]) {
        let [first, .., last] = path else {
            return;
        };
        let is_module = path.len() < 2 || last.starts_with(char::is_lowercase);
        if !OWN.contains(&first.as_str()) && !first.starts_with("qmp_") && !is_module {
            self.found.insert(format!("{first}::{last}"));
        }
    }
}

impl<'ast> Visit<'ast> for Search {
    fn visit_path(&mut self, path: &'ast Path) {
        let mut names: Vec<_> =
            path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let Some(imported) = names.first().and_then(|first| self.imports.get(first)) {
            names.splice(..1, imported.iter().cloned());
        }
        // A name without an import is one of this file.
        if names.len() > 1 && names[0].starts_with(char::is_lowercase) {
            self.add(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_block(&mut self, _: &'ast syn::Block) {}

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
}

const fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_test(item: &syn::ItemMod) -> bool {
    item.attrs.iter().any(|it| it.path().is_ident("cfg"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::house::CRATES;
    use crate::workspace;

    /// The table in the document has one row a crate.
    #[test]
    fn the_public_dependencies_are_those_of_the_document() {
        let document = workspace::root().join("docs/architecture.md");
        let document = std::fs::read_to_string(document).unwrap();
        let table = document.split_once("| crate | items of other crates |").unwrap().1;
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let documented: BTreeMap<String, BTreeSet<String>> = rows
            .map(|row| {
                let mut cells = row.trim_matches('|').split('|').map(str::trim);
                let name = cells.next().unwrap().to_owned();
                let items = cells.next().unwrap().split(", ").filter(|item| *item != "none");
                (name, items.map(|item| item.trim_matches('`').to_owned()).collect())
            })
            .collect();
        // A program has no interface in Rust.
        let found: BTreeMap<_, _> = CRATES
            .into_iter()
            .filter(|name| *name != "qmp-cli")
            .map(|name| {
                let sources = Sources::read(&workspace::root().join(name)).unwrap();
                (name.to_owned(), foreign_items(&sources).unwrap())
            })
            .collect();
        assert_eq!(found, documented);
    }

    #[test]
    fn signatures_are_searched_and_bodies_are_not() {
        let text = "use serde::{Serialize, de::Error as Bad};\nuse std::io;\n\
                    pub fn f(x: impl Serialize) -> io::Result<()> { let _: slab::Slab<u8>; }\n\
                    pub(crate) fn g(x: slab::Slab<u8>) {}\n\
                    pub struct S { pub a: Vec<tokio::net::TcpStream>, b: slab::Slab<u8> }\n\
                    impl S { pub fn h<E: Bad>(&self) {} fn i(&self, x: loom::Thing) {} }\n\
                    pub use http::Uri;\n";
        let file = File { module: Vec::new(), path: "x.rs".into(), text: text.into() };
        let found: Vec<_> = of_file(&file).unwrap().into_iter().collect();
        assert_eq!(found, ["http::Uri", "serde::Error", "serde::Serialize", "tokio::TcpStream"]);
    }
}
