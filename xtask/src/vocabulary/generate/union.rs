//! Unions: a tag and the members that depend on it.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::flat;
use super::names;
use super::rust::{Rust, emit};
use crate::vocabulary::facts::{Item, Part};

/// A value of the tag and the members of its branch.
struct Variant {
    name: String,
    wire: String,
    /// The type of its members; `None` if it has none.
    of: Option<String>,
    wrapped: bool,
    boxed: bool,
    docs: String,
}

impl<'f> Rust<'_, 'f> {
    /// Writes a union: the enum of its branches, in a struct if there are common members.
    pub(super) fn union_of(&mut self, item: &Item<'f>, more: &[String]) {
        let name = self.model.rust_name(item.name).to_owned();
        let Some(tag) = item.members.iter().find(|member| member.name == item.tag) else { return };
        let common: Vec<&Part<'_>> =
            item.members.iter().filter(|member| member.name != item.tag).collect();
        let variants = self.variants(item, tag);
        self.merged_structs(item);
        if common.is_empty() {
            self.text += &self.docs.item(item, more);
            self.alias(item, &name);
            self.branches(&name, tag, &variants);
            emit!(self, "impl Object for {name} {{");
            emit!(self, "const NAME: &'static str = \"{name}\";\n");
            self.read_union(item, tag, &[], &variants, "Self");
            emit!(self, "fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {{");
            emit!(self, "put(map, \"{}\", self.as_str())?;", item.tag);
            self.write_branch("self", "Self", &variants);
            emit!(self, "}}\n}}\n");
            return;
        }
        let enum_name = self.model.branches_name(item);
        let field = names::snake(item.tag);
        self.text += &self.docs.item(item, more);
        self.alias(item, &name);
        emit!(self, "#[derive(Clone, Debug, PartialEq)]\n#[non_exhaustive]");
        emit!(self, "pub struct {name} {{");
        self.fields(item, &common);
        emit!(self, "/// `{}` and the members of its branch.", item.tag);
        emit!(self, "pub {field}: {enum_name},\n}}\n");
        emit!(self, "/// The branches of [`{name}`], selected by `{}`.", item.tag);
        self.branches(&enum_name, tag, &variants);
        emit!(self, "impl {name} {{");
        self.constructor(item, &common, Some((&field, &enum_name)));
        self.branch_constructors(item, &common, &variants, &enum_name);
        self.setters(item, &common);
        emit!(self, "}}\n");
        emit!(self, "impl Object for {name} {{");
        emit!(self, "const NAME: &'static str = \"{name}\";\n");
        self.read_union(item, tag, &common, &variants, &enum_name);
        emit!(self, "fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {{");
        emit!(self, "put(map, \"{}\", self.{field}.as_str())?;", item.tag);
        self.puts(item, &common);
        self.write_branch(&format!("&self.{field}"), &enum_name, &variants);
        emit!(self, "}}\n}}\n");
    }

    fn variants(&mut self, item: &Item<'_>, tag: &Part<'_>) -> Vec<Variant> {
        let values = self.model.get(tag.of).map(|of| of.values.as_slice()).unwrap_or_default();
        let mut variants = Vec::new();
        for value in values {
            let branch = item.branches.iter().find(|branch| branch.name == value.name);
            variants.push(Variant {
                name: names::camel(value.name),
                wire: value.name.to_owned(),
                of: branch.map(|branch| self.spelt(branch.of)),
                wrapped: branch.is_some_and(|branch| branch.wrapped),
                boxed: branch.is_some_and(|branch| self.model.is_boxed(item, branch)),
                docs: match branch {
                    Some(branch) if !branch.versions.contains(item.versions) => {
                        self.docs.part(item, branch)
                    }
                    _ => self.docs.part(item, value),
                },
            });
        }
        variants
    }

    fn branches(&mut self, name: &str, tag: &Part<'_>, variants: &[Variant]) {
        let values = self.named(tag.of);
        emit!(self, "#[derive(Clone, Debug, PartialEq)]\n#[non_exhaustive]");
        emit!(self, "pub enum {name} {{");
        for variant in variants {
            self.text += &variant.docs;
            match &variant.of {
                Some(of) if variant.boxed => emit!(self, "{}(Box<{of}>),", variant.name),
                Some(of) => emit!(self, "{}({of}),", variant.name),
                None => emit!(self, "{},", variant.name),
            }
        }
        emit!(
            self,
            "/// A value that this crate does not know. The members of its branch are not kept."
        );
        let other = names::other(variants.iter().map(|variant| variant.wire.as_str()));
        emit!(self, "{other}({values}),\n}}\n");
        emit!(self, "impl {name} {{");
        emit!(self, "/// Returns the value of `{}` on the wire.", tag.name);
        emit!(self, "pub fn as_str(&self) -> &str {{ match self {{");
        for variant in variants {
            let pattern = if variant.of.is_some() { "(_)" } else { "" };
            emit!(self, "Self::{}{pattern} => \"{}\",", variant.name, variant.wire);
        }
        emit!(self, "Self::{other}(other) => other.as_str(),\n}} }}\n}}\n");
    }

    /// Writes a constructor for each branch. `From` would be ambiguous, because several branches can
    /// have the same type.
    fn branch_constructors(
        &mut self,
        item: &Item<'_>,
        common: &[&Part<'_>],
        variants: &[Variant],
        enum_name: &str,
    ) {
        let setters = common.iter().filter(|member| !self.model.is_required(item, member));
        let mut taken: BTreeSet<String> = setters.map(|member| names::snake(member.name)).collect();
        taken.extend(["new", "as_str", "default"].map(str::to_owned));
        for variant in variants {
            let (mut parameters, mut arguments) = (String::new(), String::new());
            for member in common.iter().filter(|member| self.model.is_required(item, member)) {
                let (of, _) = self.parameter(item, member);
                let _ = write!(parameters, "{}: {of}, ", names::snake(member.name));
                let _ = write!(arguments, "{}, ", names::snake(member.name));
            }
            let value = match &variant.of {
                Some(of) if variant.boxed => {
                    let _ = write!(parameters, "members: {of}");
                    format!("{enum_name}::{}(Box::new(members))", variant.name)
                }
                Some(of) => {
                    let _ = write!(parameters, "members: {of}");
                    format!("{enum_name}::{}(members)", variant.name)
                }
                None => format!("{enum_name}::{}", variant.name),
            };
            let plain = names::snake(&variant.wire);
            let name = if taken.contains(&plain) { format!("of_{plain}") } else { plain };
            emit!(self, "/// Creates a value whose `{}` is `{}`.", item.tag, variant.wire);
            emit!(self, "#[inline]\npub fn {name}({parameters}) -> Self {{");
            emit!(self, "Self::new({arguments}{value}) }}\n");
        }
    }

    fn read_union(
        &mut self,
        item: &Item<'f>,
        tag: &Part<'_>,
        common: &[&Part<'_>],
        variants: &[Variant],
        enum_name: &str,
    ) {
        let values = self.named(tag.of);
        let is_flat = flat::places(self.model, item).is_some();
        let last = common.len();
        emit!(self, "fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error> {{");
        let mut known: Vec<String> = common.iter().map(|it| it.name.to_owned()).collect();
        known.push(tag.name.to_owned());
        if is_flat {
            known.extend(self.flat_names(item));
        }
        let known: Vec<String> = known.iter().map(|name| format!("\"{name}\"")).collect();
        emit!(self, "const MEMBERS: Members = &[{}];", known.join(", "));
        for at in 0..=last {
            emit!(self, "let mut m{at} = None;");
        }
        if is_flat {
            self.flat_slots(item);
            emit!(self, "while let Some(at) = map.next_key_seed(Key(MEMBERS))? {{ match at {{");
            for (at, member) in common.iter().enumerate() {
                self.arm(item, member, &at.to_string(), at);
            }
            emit!(self, "{last} => m{last} = Some(map.next_value()?),");
            self.flat_arms(item, last + 1);
            emit!(self, "_ => skip(map)?,\n}} }}");
        } else {
            emit!(self, "let mut rest = Rest::new();");
            emit!(
                self,
                "while let Some(name) = map.next_key_seed(Name(MEMBERS))? {{ match name {{"
            );
            for (at, member) in common.iter().enumerate() {
                self.arm(item, member, &format!("Ok({at})"), at);
            }
            emit!(self, "Ok(_) => m{last} = Some(map.next_value()?),");
            emit!(self, "Err(name) => rest.keep(name, map)?,\n}} }}");
        }
        // If the tag is newer than the union, its first value is the default.
        match variants.first().filter(|_| !tag.versions.contains(item.versions)) {
            Some(first) => {
                emit!(self, "let tag: {values} = m{last}.unwrap_or({values}::{});", first.name);
            }
            None => emit!(self, "let tag: {values} = need(m{last}, \"{}\")?;", tag.name),
        }
        emit!(self, "let branch = match tag {{");
        for variant in variants {
            let branch = item.branches.iter().find(|branch| branch.name == variant.wire);
            let read = match branch {
                Some(branch) if is_flat => self.flat_branch(item, branch),
                _ if variant.wrapped => "rest.data()?".to_owned(),
                _ => "rest.read()?".to_owned(),
            };
            let value = match &variant.of {
                Some(_) if variant.boxed => format!("(Box::new({read}))"),
                Some(_) => format!("({read})"),
                None => String::new(),
            };
            emit!(self, "{values}::{0} => {enum_name}::{0}{value},", variant.name);
        }
        let other = names::other(variants.iter().map(|variant| variant.wire.as_str()));
        emit!(self, "other => {enum_name}::{other}(other),\n}};");
        if common.is_empty() {
            emit!(self, "Ok(branch)\n}}\n");
            return;
        }
        emit!(self, "Ok(Self {{");
        for (at, member) in common.iter().enumerate() {
            self.take(item, member, at);
        }
        emit!(self, "{}: branch,\n}})\n}}\n", names::snake(item.tag));
    }

    fn write_branch(&mut self, branch: &str, enum_name: &str, variants: &[Variant]) {
        if variants.iter().all(|variant| variant.of.is_none()) {
            emit!(self, "Ok(())");
            return;
        }
        emit!(self, "match {branch} {{");
        for variant in variants.iter().filter(|variant| variant.of.is_some()) {
            let write = if variant.wrapped { "put(map, \"data\", it)" } else { "it.write(map)" };
            emit!(self, "{enum_name}::{}(it) => {write},", variant.name);
        }
        emit!(self, "_ => Ok(()),\n}}");
    }
}
