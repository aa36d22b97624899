//! Walks two versions side by side.

use std::collections::{BTreeMap, BTreeSet};

use super::shape::{Origin, Shape, members, members_mut, members_of, references};
use super::{LEFT_OUT, Merged, Release};
use crate::vocabulary::qapi::{Arguments, Definition, Kind, Member, Schema, Type};

pub(super) struct Walk<'r> {
    releases: &'r [Release],
    shapes: Vec<Shape>,
    by_name: BTreeMap<String, usize>,
    /// The types of the current version, and their names in the superset.
    renamed: BTreeMap<String, String>,
    mismatches: BTreeSet<String>,
}

impl<'r> Walk<'r> {
    pub(super) const fn new(releases: &'r [Release]) -> Self {
        Self {
            releases,
            shapes: Vec::new(),
            by_name: BTreeMap::new(),
            renamed: BTreeMap::new(),
            mismatches: BTreeSet::new(),
        }
    }

    pub(super) fn finish(self) -> Merged {
        Merged { shapes: self.shapes, mismatches: self.mismatches }
    }

    fn schema(&self, version: usize) -> &'r Schema {
        &self.releases[version].schema
    }

    /// Finds what corresponds to the types of an older version, from the commands and events that
    /// both have.
    pub(super) fn match_roots(&mut self, version: usize) {
        self.renamed.clear();
        for definition in roots(self.schema(version)) {
            if self.by_name.contains_key(&definition.name) {
                self.match_root(version, definition);
            }
        }
    }

    fn match_root(&mut self, version: usize, old: &Definition) {
        let Some(&at) = self.by_name.get(&old.name) else { return };
        self.shapes[at].origins[version].insert(Origin::Root(old.name.clone()));
        let (arguments, returns) = root_parts(&self.shapes[at].definition.kind);
        let (arguments, returns) = (arguments.cloned(), returns.cloned());
        let (old_arguments, old_returns) = root_parts(&old.kind);
        let origin = match old_arguments {
            Some(Arguments::Named(name)) => Origin::Type(name.clone()),
            _ => Origin::Arguments(old.name.clone()),
        };
        match arguments {
            Some(Arguments::Named(name)) => self.unify(&name, version, origin),
            _ => self.unify_inline(at, version, origin),
        }
        match (returns, old_returns) {
            (Some(new), Some(old_type)) => self.unify_types(&new, version, old_type, &old.name),
            (None, None) => {}
            _ => self.mismatch(version, &old.name, "returns a value in only one version"),
        }
    }

    fn unify_inline(&mut self, at: usize, version: usize, origin: Origin) {
        if !self.shapes[at].argument_origins[version].insert(origin.clone()) {
            return;
        }
        let new = members_of(&self.shapes[at].definition.kind).to_vec();
        self.unify_members(&new, version, members(self.schema(version), &origin));
    }

    fn unify_types(&mut self, new: &Type, version: usize, old: &Type, place: &str) {
        match (new.is_builtin(), old.is_builtin()) {
            (true, true) if new.is_list == old.is_list && same_json(&new.name, &old.name) => {}
            (false, false) if new.is_list == old.is_list => {
                self.unify(&new.name, version, Origin::Type(old.name.clone()));
            }
            // A string became an enum, or one of several forms.
            (false, true) if new.is_list == old.is_list && self.reads_builtin(new, old) => {}
            _ => self.mismatch(version, place, &format!("{old:?} became {new:?}")),
        }
    }

    fn reads_builtin(&self, new: &Type, old: &Type) -> bool {
        match self.by_name.get(&new.name).map(|&at| &self.shapes[at].definition.kind) {
            Some(Kind::Enum(_)) => old.name == "str",
            Some(Kind::Alternate(forms)) => forms.iter().any(|form| {
                same_json(&form.of.name, &old.name)
                    || old.name == "str"
                        && self.by_name.get(&form.of.name).is_some_and(|&at| {
                            matches!(self.shapes[at].definition.kind, Kind::Enum(_))
                        })
            }),
            _ => false,
        }
    }

    fn unify(&mut self, name: &str, version: usize, origin: Origin) {
        let Some(&at) = self.by_name.get(name) else { return };
        let old = match &origin {
            Origin::Type(old) => match self.schema(version).get(old) {
                Some(definition) => Some(definition),
                None => return self.mismatch(version, old, "is not defined"),
            },
            _ => None,
        };
        let new = self.shapes[at].definition.kind.clone();
        if let (Kind::Alternate(forms), Some(old)) = (&new, old) {
            if !matches!(old.kind, Kind::Alternate(_)) {
                return self.unify_with_form(forms, version, old);
            }
        }
        let fits = matches!(
            (&new, old.map(|old| &old.kind)),
            (Kind::Enum(_), Some(Kind::Enum(_)))
                | (Kind::Struct(_), Some(Kind::Struct(_)) | None)
                | (Kind::Union(_), Some(Kind::Union(_) | Kind::Struct(_)) | None)
                | (Kind::Alternate(_), Some(Kind::Alternate(_)))
        );
        if !fits {
            return self.mismatch(version, name, &format!("is of another kind than {origin:?}"));
        }
        if let Origin::Type(old) = &origin {
            self.renamed.entry(old.clone()).or_insert_with(|| name.to_owned());
        }
        if !self.shapes[at].origins[version].insert(origin.clone()) {
            return;
        }
        let old_members = members(self.schema(version), &origin);
        self.unify_members(members_of(&new), version, old_members);
        if let (Kind::Union(new), Some(Kind::Union(old))) = (&new, old.map(|old| &old.kind)) {
            for branch in &new.branches {
                let same = old.branches.iter().find(|it| it.name == branch.name);
                let Some(same) = same else { continue };
                if same.wrapped != branch.wrapped {
                    self.mismatch(version, name, "names a branch differently");
                }
                self.unify_types(&branch.of.clone(), version, &same.of, name);
            }
        }
    }

    /// A type became one of several forms.
    fn unify_with_form(&mut self, forms: &[Member], version: usize, old: &Definition) {
        let form = forms.iter().find(|form| {
            let kind = self.by_name.get(&form.of.name).map(|&at| &self.shapes[at].definition.kind);
            matches!(
                (kind, &old.kind),
                (Some(Kind::Struct(_) | Kind::Union(_)), Kind::Struct(_) | Kind::Union(_))
                    | (Some(Kind::Enum(_)), Kind::Enum(_))
            )
        });
        match form {
            Some(form) => self.unify(&form.of.name, version, Origin::Type(old.name.clone())),
            None => self.mismatch(version, &old.name, "is none of the forms that it became"),
        }
    }

    fn unify_members(&mut self, new: &[Member], version: usize, old: &[Member]) {
        for member in new {
            if let Some(same) = old.iter().find(|it| it.name == member.name) {
                self.unify_types(&member.of, version, &same.of, &member.name);
            }
        }
    }

    /// Adds what this version has and no newer one.
    pub(super) fn add_all(&mut self, version: usize) {
        for definition in roots(self.schema(version)) {
            if !self.by_name.contains_key(&definition.name) {
                let at = self.create(version, definition);
                let shape = &mut self.shapes[at];
                shape.origins[version].insert(Origin::Root(definition.name.clone()));
                shape.argument_origins[version].insert(Origin::Arguments(definition.name.clone()));
            }
        }
        // An added definition may refer to others.
        let mut before = usize::MAX;
        while before != self.size(version) {
            before = self.size(version);
            let mut at = 0;
            while at < self.shapes.len() {
                self.add_members(at, version);
                at += 1;
            }
        }
    }

    fn size(&self, version: usize) -> usize {
        let of = |shape: &Shape| {
            members_of(&shape.definition.kind).len() + shape.origins[version].len() + 1
        };
        self.shapes.iter().map(of).sum()
    }

    fn add_members(&mut self, at: usize, version: usize) {
        let schema = self.schema(version);
        let origins = self.shapes[at].origins[version].clone();
        let inline = self.shapes[at].argument_origins[version].clone();
        let name = self.shapes[at].definition.name.clone();
        for origin in origins.iter().chain(&inline) {
            if matches!(origin, Origin::Root(_)) {
                continue;
            }
            for member in members(schema, origin) {
                let root = match origin {
                    Origin::Arguments(root) => root,
                    _ => &name,
                };
                if !LEFT_OUT.contains(&(root, &member.name)) {
                    self.add_member(at, version, member);
                }
            }
            let Origin::Type(old) = origin else { continue };
            match schema.get(old).map(|old| &old.kind) {
                Some(Kind::Enum(values)) => {
                    let Kind::Enum(all) = &mut self.shapes[at].definition.kind else { continue };
                    for value in values {
                        if !all.iter().any(|it| it.name == value.name) {
                            all.push(value.clone());
                        }
                    }
                }
                Some(Kind::Union(union)) => {
                    for branch in &union.branches {
                        let mut branch = branch.clone();
                        let Kind::Union(new) = &self.shapes[at].definition.kind else { continue };
                        if new.branches.iter().any(|it| it.name == branch.name) {
                            continue;
                        }
                        self.resolve(version, &mut branch.of);
                        let Kind::Union(new) = &mut self.shapes[at].definition.kind else {
                            continue;
                        };
                        new.branches.push(branch);
                    }
                }
                _ => {}
            }
        }
    }

    fn add_member(&mut self, at: usize, version: usize, member: &Member) {
        let kind = &self.shapes[at].definition.kind;
        if members_of(kind).iter().any(|it| it.name == member.name) {
            return;
        }
        // A member that moved into a branch belongs to the branch.
        if let Kind::Union(union) = kind {
            let in_branch = union.branches.iter().any(|branch| {
                let shape = self.by_name.get(&branch.of.name).map(|&at| &self.shapes[at]);
                shape.is_some_and(|shape| {
                    members_of(&shape.definition.kind).iter().any(|it| it.name == member.name)
                })
            });
            if in_branch {
                return;
            }
        }
        let mut member = member.clone();
        self.resolve(version, &mut member.of);
        match members_mut(&mut self.shapes[at].definition.kind) {
            Some(members) => members.push(member),
            None => self.mismatch(version, &member.name, "has no place"),
        }
    }

    /// Renames a type of this version to its name in the superset.
    fn resolve(&mut self, version: usize, of: &mut Type) {
        if of.is_builtin() {
            return;
        }
        if let Some(name) = self.renamed.get(&of.name) {
            of.name.clone_from(name);
            return;
        }
        if self.by_name.contains_key(&of.name) {
            self.unify(&of.name.clone(), version, Origin::Type(of.name.clone()));
            return;
        }
        match self.schema(version).get(&of.name) {
            Some(definition) => {
                let at = self.create(version, definition);
                self.shapes[at].origins[version].insert(Origin::Type(of.name.clone()));
            }
            None => self.mismatch(version, &of.name, "is not defined"),
        }
    }

    fn create(&mut self, version: usize, definition: &Definition) -> usize {
        let at = self.shapes.len();
        let none = vec![BTreeSet::new(); self.releases.len()];
        self.by_name.insert(definition.name.clone(), at);
        self.renamed.insert(definition.name.clone(), definition.name.clone());
        self.shapes.push(Shape {
            definition: definition.clone(),
            home: version,
            origins: none.clone(),
            argument_origins: none,
        });
        let mut kind = definition.kind.clone();
        for of in references(&mut kind) {
            self.resolve(version, of);
        }
        if let Some(Arguments::Named(name)) = root_parts(&kind).0.cloned() {
            let mut of = Type::plain(&name);
            self.resolve(version, &mut of);
            match &mut kind {
                Kind::Command(command) => command.arguments = Arguments::Named(of.name),
                Kind::Event(event) => event.arguments = Arguments::Named(of.name),
                _ => {}
            }
        }
        self.shapes[at].definition.kind = kind;
        at
    }

    fn mismatch(&mut self, version: usize, place: &str, text: &str) {
        self.mismatches.insert(format!("{}: {place} {text}", self.releases[version].version));
    }
}

fn roots(schema: &Schema) -> impl Iterator<Item = &Definition> {
    let is_root = |it: &&Definition| matches!(it.kind, Kind::Command(_) | Kind::Event(_));
    schema.definitions.iter().filter(is_root)
}

fn root_parts(kind: &Kind) -> (Option<&Arguments>, Option<&Type>) {
    match kind {
        Kind::Command(command) => (Some(&command.arguments), command.returns.as_ref()),
        Kind::Event(event) => (Some(&event.arguments), None),
        _ => (None, None),
    }
}

/// Returns whether two built-in QAPI types look the same on the wire.
fn same_json(one: &str, other: &str) -> bool {
    let json = |name: &str| {
        match name {
            "str" | "QType" => "string",
            "bool" => "boolean",
            "any" => "any",
            "null" => "null",
            "number" => "number",
            _ => "int",
        }
        .to_owned()
    };
    json(one) == json(other)
}
