//! Structs: their members, constructors, decoding and encoding.

use std::fmt::Write;

use super::model::Model;
use super::names;
use super::rust::{Rust, emit};
use crate::vocabulary::facts::{Item, Part};

impl Rust<'_, '_> {
    /// Writes the fields of a struct.
    pub(super) fn fields(&mut self, item: &Item<'_>, members: &[&Part<'_>]) {
        for member in members {
            let of = self.field_type(item, member);
            let required = self.model.is_required(item, member);
            let of = if required { of } else { format!("Option<{of}>") };
            self.text += &self.docs.part(item, member);
            emit!(self, "pub {}: {of},", names::snake(member.name));
        }
    }

    /// Writes a struct with its constructor, setters, decoding and encoding.
    pub(super) fn struct_of(&mut self, item: &Item<'_>, more: &[String]) {
        let name = self.model.rust_name(item.name).to_owned();
        let members: Vec<&Part<'_>> = item.members.iter().collect();
        let all_optional = members.iter().all(|member| !self.model.is_required(item, member));
        self.text += &self.docs.item(item, more);
        self.alias(item, &name);
        emit!(
            self,
            "#[derive(Clone, Debug, {}PartialEq)]",
            if all_optional { "Default, " } else { "" }
        );
        emit!(self, "#[non_exhaustive]");
        emit!(self, "pub struct {name} {{");
        self.fields(item, &members);
        emit!(self, "}}\n");
        emit!(self, "impl {name} {{");
        self.constructor(item, &members, None);
        self.setters(item, &members);
        emit!(self, "}}\n");
        emit!(self, "impl Object for {name} {{");
        emit!(self, "const NAME: &'static str = \"{name}\";\n");
        self.read_struct(item, &members);
        self.write_struct(item, &members);
        emit!(self, "}}\n");
    }

    /// Makes the search of the documentation find the name in QEMU's manual.
    pub(super) fn alias(&mut self, item: &Item<'_>, name: &str) {
        if item.name != name {
            emit!(self, "#[doc(alias = \"{}\")]", item.name);
        }
    }

    /// Writes `new`, which takes the required members and, for a union, the branch.
    pub(super) fn constructor(
        &mut self,
        item: &Item<'_>,
        members: &[&Part<'_>],
        branch: Option<(&str, &str)>,
    ) {
        let (mut parameters, mut fields) = (String::new(), String::new());
        for member in members {
            let name = names::snake(member.name);
            if self.model.is_required(item, member) {
                let (of, value) = self.parameter(item, member);
                let _ = write!(parameters, "{name}: {of}, ");
                let _ = write!(fields, "{name}: {value}, ");
            } else {
                let _ = write!(fields, "{name}: None, ");
            }
        }
        if let Some((field, of)) = branch {
            let _ = write!(parameters, "{field}: {of}");
            let _ = write!(fields, "{field}");
        }
        let required = members.iter().any(|member| self.model.is_required(item, member));
        let about = match (branch.is_some() || required, members.is_empty()) {
            (true, _) => "Creates a value from its required members.",
            (false, true) => "Creates a value.",
            (false, false) => "Creates a value without optional members.",
        };
        emit!(self, "/// {about}");
        emit!(self, "#[inline]\npub fn new({parameters}) -> Self {{ Self {{ {fields} }} }}\n");
    }

    /// Writes a method for each optional member.
    pub(super) fn setters(&mut self, item: &Item<'_>, members: &[&Part<'_>]) {
        for member in members {
            if self.model.is_required(item, member) {
                continue;
            }
            let name = names::snake(member.name);
            let (of, value) = self.parameter(item, member);
            self.text += &self.docs.setter(item, member);
            emit!(self, "#[inline]\n#[must_use]");
            emit!(self, "pub fn {name}(mut self, {name}: {of}) -> Self {{");
            emit!(self, "self.{name} = Some({value}); self }}\n");
        }
    }

    pub(super) fn read_struct(&mut self, item: &Item<'_>, members: &[&Part<'_>]) {
        emit!(self, "fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error> {{");
        if members.is_empty() {
            emit!(self, "skip_all(map)?;\nOk(Self {{}})\n}}\n");
            return;
        }
        self.slots(members);
        emit!(self, "while let Some(at) = map.next_key_seed(Key(MEMBERS))? {{ match at {{");
        for (at, member) in members.iter().enumerate() {
            self.arm(item, member, &at.to_string(), at);
        }
        emit!(self, "_ => skip(map)?,\n}} }}");
        emit!(self, "Ok(Self {{");
        for (at, member) in members.iter().enumerate() {
            self.take(item, member, at);
        }
        emit!(self, "}})\n}}\n");
    }

    /// Writes the known names and one slot for the value of each.
    pub(super) fn slots(&mut self, members: &[&Part<'_>]) {
        let list: Vec<String> = members.iter().map(|it| format!("\"{}\"", it.name)).collect();
        emit!(self, "const MEMBERS: Members = &[{}];", list.join(", "));
        for at in 0..members.len() {
            emit!(self, "let mut m{at} = None;");
        }
    }

    /// Writes code that decodes a member's value into its slot.
    pub(super) fn arm(&mut self, item: &Item<'_>, member: &Part<'_>, pattern: &str, at: usize) {
        let required = self.model.is_required(item, member);
        // For types without the value `null`, it means that the member is absent.
        if required || self.model.takes_null(member.of) && !Model::is_base64(item, member) {
            emit!(self, "{pattern} => m{at} = Some(map.next_value()?),");
        } else {
            emit!(self, "{pattern} => m{at} = map.next_value()?,");
        }
    }

    /// Writes code that moves a member's value from its slot to its field.
    pub(super) fn take(&mut self, item: &Item<'_>, member: &Part<'_>, at: usize) {
        let name = names::snake(member.name);
        if self.model.is_required(item, member) {
            emit!(self, "{name}: need(m{at}, \"{}\")?,", member.name);
        } else {
            emit!(self, "{name}: m{at},");
        }
    }

    pub(super) fn write_struct(&mut self, item: &Item<'_>, members: &[&Part<'_>]) {
        let map = if members.is_empty() { "_" } else { "map" };
        emit!(self, "fn write<M: SerializeMap>(&self, {map}: &mut M) -> Result<(), M::Error> {{");
        self.puts(item, members);
        emit!(self, "Ok(())\n}}");
    }

    pub(super) fn puts(&mut self, item: &Item<'_>, members: &[&Part<'_>]) {
        for member in members {
            let put = if self.model.is_required(item, member) { "put" } else { "put_some" };
            emit!(self, "{put}(map, \"{}\", &self.{})?;", member.name, names::snake(member.name));
        }
    }
}
