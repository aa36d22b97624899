//! Unions that are decoded flat: each member is decoded into a slot of its type before the tag is known.
//!
//! Members of several branches can have the same name and different types. If these types are structs
//! or lists of structs, they are decoded into one struct that has the members of all of them.

use std::collections::BTreeMap;

use std::fmt::Write;

use anyhow::{Result, bail};

use super::model::{Model, plain};
use super::names;
use super::rust::{Rust, emit};
use crate::vocabulary::facts::{Item, Kind, Part};

/// The unions that are received often and in large numbers. All other unions buffer the members of
/// their branch until the tag is known, which takes more time and less code.
const FLAT: [&str; 5] = [
    "BlockStatsSpecific",
    "CpuInfoFast",
    "ImageInfoSpecific",
    "ImageInfoSpecificQCow2Encryption",
    "SchemaInfo",
];

/// A slot for the members of one name.
pub(super) struct Place<'f> {
    name: &'f str,
    /// One of the members, and its struct.
    of: (&'f Item<'f>, &'f Part<'f>),
    /// If the members have different types: these structs, and whether the members are lists.
    merged: Option<(Vec<&'f Item<'f>>, bool)>,
}

/// Returns the slots for the members of all branches if the union is decoded flat.
pub(super) fn places<'f>(model: &Model<'f>, union: &Item<'f>) -> Option<Vec<Place<'f>>> {
    if !FLAT.contains(&union.name) {
        return None;
    }
    let mut places: BTreeMap<&'f str, Place<'f>> = BTreeMap::new();
    for branch in &union.branches {
        let item = model.get(branch.of)?;
        if branch.wrapped {
            continue;
        }
        for part in &item.members {
            let place = Place { name: part.name, of: (item, part), merged: None };
            let place = places.entry(part.name).or_insert(place);
            if place.of.1.of == part.of {
                continue;
            }
            let other = model.get(plain(part.of))?;
            let first = model.get(plain(place.of.1.of))?;
            let list = part.of.starts_with('[');
            let merged = place.merged.get_or_insert_with(|| (vec![first], list));
            merged.0.push(other);
        }
    }
    Some(places.into_values().collect())
}

/// Returns the possible types of `data` in a union whose branches are wrapped.
pub(super) fn wrapped<'f>(model: &Model<'f>, union: &Item<'f>) -> Vec<&'f Item<'f>> {
    let branches = union.branches.iter().filter(|branch| branch.wrapped);
    branches.filter_map(|branch| model.get(branch.of)).collect()
}

/// Checks that all unions in the table can be decoded flat.
pub(super) fn check(model: &Model<'_>) -> Result<()> {
    for name in FLAT {
        let Some(union) = model.get(name) else { bail!("{name} is in no version of QEMU") };
        let is_struct =
            |part: &Part<'_>| model.get(part.of).is_some_and(|it| it.kind == Kind::Struct);
        if !union.branches.iter().all(is_struct) || places(model, union).is_none() {
            bail!("{name} cannot be decoded flat");
        }
        let parts = |items: &[&Item<'_>]| {
            let mut of = BTreeMap::new();
            let all = items.iter().flat_map(|item| item.members.iter());
            all.clone().for_each(|part| drop(of.insert(part.name.to_owned(), part.of.to_owned())));
            all.clone().all(|part| of.get(part.name).is_some_and(|it| it == part.of))
        };
        let merged = places(model, union).unwrap_or_default();
        let merged = merged.into_iter().filter_map(|place| place.merged.map(|it| it.0));
        if !merged.chain([wrapped(model, union)]).all(|items| parts(&items)) {
            bail!("{name} cannot be decoded flat: members of one name have several types");
        }
    }
    Ok(())
}

/// Returns the members of several structs, one for each name.
fn members<'f>(items: &[&'f Item<'f>]) -> Vec<(&'f Item<'f>, &'f Part<'f>)> {
    let mut all: BTreeMap<&str, (&Item<'_>, &Part<'_>)> = BTreeMap::new();
    for item in items {
        for part in &item.members {
            all.entry(part.name).or_insert((item, part));
        }
    }
    all.into_values().collect()
}

impl<'f> Rust<'_, 'f> {
    /// Writes the structs for members that have several possible types.
    pub(super) fn merged_structs(&mut self, union: &Item<'f>) {
        for place in places(self.model, union).unwrap_or_default() {
            if let Some((items, _)) = &place.merged {
                self.merged_struct(&merged_name(union, place.name), items);
            }
        }
        let wrapped = wrapped(self.model, union);
        if places(self.model, union).is_some() && !wrapped.is_empty() {
            self.merged_struct(&merged_name(union, "data"), &wrapped);
        }
    }

    fn merged_struct(&mut self, name: &str, items: &[&'f Item<'f>]) {
        let members = members(items);
        emit!(self, "// The members of all types that are possible before the tag is known.");
        emit!(self, "struct {name} {{");
        for (at, (item, part)) in members.iter().enumerate() {
            let of = self.field_type(item, part);
            emit!(self, "m{at}: Option<{of}>,");
        }
        emit!(self, "}}\n\nimpl {name} {{");
        let mut seen = Vec::new();
        for item in items {
            let rust = self.named(item.name);
            if seen.contains(&rust) {
                continue;
            }
            emit!(
                self,
                "fn into_{}<E: serde::de::Error>(self) -> Result<{rust}, E> {{ Ok({rust} {{",
                names::snake(&rust)
            );
            for part in &item.members {
                let at = members.iter().position(|(_, it)| it.name == part.name).unwrap_or(0);
                let field = names::snake(part.name);
                if self.model.is_required(item, part) {
                    emit!(self, "{field}: need(self.m{at}, \"{}\")?,", part.name);
                } else {
                    emit!(self, "{field}: self.m{at},");
                }
            }
            emit!(self, "}}) }}\n");
            seen.push(rust);
        }
        emit!(self, "}}\n\nimpl<'de> serde::Deserialize<'de> for {name} {{");
        emit!(
            self,
            "fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {{"
        );
        emit!(self, "from.deserialize_map(crate::wire::ObjectVisitor::new()) }} }}\n");
        emit!(self, "impl ReadObject for {name} {{");
        emit!(self, "const NAME: &'static str = \"{name}\";\n");
        emit!(self, "fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error> {{");
        let parts: Vec<&Part<'_>> = members.iter().map(|(_, part)| *part).collect();
        self.slots(&parts);
        emit!(self, "while let Some(at) = map.next_key_seed(Key(MEMBERS))? {{ match at {{");
        for (at, (item, part)) in members.iter().enumerate() {
            self.flat_arm(item, part, &at.to_string(), &format!("m{at}"));
        }
        emit!(self, "_ => skip(map)?,\n}} }}");
        let fields: Vec<String> = (0..members.len()).map(|at| format!("m{at}")).collect();
        emit!(self, "Ok(Self {{ {} }})\n}}\n}}\n", fields.join(", "));
    }

    /// Writes the code that decodes a member. For types without the value `null`, it means that the
    /// member is absent.
    fn flat_arm(&mut self, item: &Item<'_>, part: &Part<'_>, pattern: &str, slot: &str) {
        let takes_null = self.model.takes_null(part.of) && !Model::is_base64(item, part);
        let value = if takes_null { "Some(map.next_value()?)" } else { "map.next_value()?" };
        emit!(self, "{pattern} => {slot} = {value},");
    }

    /// Writes the slots for the members of the branches.
    pub(super) fn flat_slots(&mut self, union: &Item<'f>) {
        for (at, place) in places(self.model, union).unwrap_or_default().iter().enumerate() {
            match &place.merged {
                Some((_, true)) => {
                    let of = merged_name(union, place.name);
                    emit!(self, "let mut b{at}: Option<Vec<{of}>> = None;");
                }
                _ => emit!(self, "let mut b{at} = None;"),
            }
        }
        if !wrapped(self.model, union).is_empty() {
            emit!(self, "let mut data: Option<{}> = None;", merged_name(union, "data"));
        }
    }

    /// Writes the match arms of the slots, numbered from `first`.
    pub(super) fn flat_arms(&mut self, union: &Item<'f>, first: usize) {
        let places = places(self.model, union).unwrap_or_default();
        for (at, place) in places.iter().enumerate() {
            let (item, part) = place.of;
            self.flat_arm(item, part, &(first + at).to_string(), &format!("b{at}"));
        }
        if !wrapped(self.model, union).is_empty() {
            emit!(self, "{} => data = map.next_value()?,", first + places.len());
        }
    }

    /// Returns the names of the members that have slots.
    pub(super) fn flat_names(&self, union: &Item<'f>) -> Vec<String> {
        let places = places(self.model, union).unwrap_or_default();
        let mut all: Vec<String> = places.iter().map(|place| place.name.to_owned()).collect();
        if !wrapped(self.model, union).is_empty() {
            all.push("data".to_owned());
        }
        all
    }

    /// Returns the expression that creates a branch from the slots.
    pub(super) fn flat_branch(&mut self, union: &Item<'f>, branch: &Part<'f>) -> String {
        let Some(item) = self.model.get(branch.of) else { return String::new() };
        let rust = self.named(branch.of);
        if branch.wrapped {
            return format!("need(data, \"data\")?.into_{}()?", names::snake(&rust));
        }
        let places = places(self.model, union).unwrap_or_default();
        let mut fields = Vec::new();
        for part in &item.members {
            let at = places.iter().position(|place| place.name == part.name).unwrap_or(0);
            let required = self.model.is_required(item, part);
            let slot = match places.get(at).and_then(|place| place.merged.as_ref()) {
                Some((_, list)) => {
                    let into = format!(
                        "{}::into_{}",
                        merged_name(union, part.name),
                        names::snake(&self.named(plain(part.of)))
                    );
                    match list {
                        true => format!(
                            "b{at}.map(|it| it.into_iter().map({into}).collect::<Result<Vec<_>, _>>())\
                             .transpose()?"
                        ),
                        false => format!("b{at}.map({into}).transpose()?"),
                    }
                }
                None => format!("b{at}"),
            };
            let field = names::snake(part.name);
            fields.push(match required {
                true => format!("{field}: need({slot}, \"{}\")?", part.name),
                false => format!("{field}: {slot}"),
            });
        }
        format!("{rust} {{ {} }}", fields.join(", "))
    }
}

fn merged_name(union: &Item<'_>, member: &str) -> String {
    format!("{}{}", union.name, names::camel(member))
}
