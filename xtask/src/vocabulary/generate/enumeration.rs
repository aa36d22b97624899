//! Enums, which accept unknown values; and alternates, distinguished by their JSON type.

use std::fmt::Write;

use super::model::plain;
use super::names;
use super::rust::{Rust, emit};
use crate::vocabulary::facts::{Item, Kind, Part};

impl Rust<'_, '_> {
    pub(super) fn enum_of(&mut self, item: &Item<'_>) {
        let name = self.model.rust_name(item.name).to_owned();
        // A value with this name must not collide with the variant for unknown values.
        let other = names::other(item.values.iter().map(|value| value.name));
        self.text += &self.docs.item(item, &[]);
        self.alias(item, &name);
        emit!(self, "#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]");
        emit!(self, "#[non_exhaustive]\npub enum {name} {{");
        for value in &item.values {
            self.text += &self.docs.part(item, value);
            emit!(self, "{},", names::camel(value.name));
        }
        emit!(self, "/// A value that this crate does not know.\n{other}(Box<str>),\n}}\n");
        emit!(self, "impl {name} {{");
        emit!(self, "/// Returns the value on the wire.");
        emit!(self, "pub fn as_str(&self) -> &str {{ match self {{");
        for value in &item.values {
            emit!(self, "Self::{} => \"{}\",", names::camel(value.name), value.name);
        }
        emit!(self, "Self::{other}(other) => other,\n}} }}\n}}\n");
        emit!(self, "impl From<&str> for {name} {{");
        emit!(self, "fn from(text: &str) -> Self {{ match text {{");
        for value in &item.values {
            emit!(self, "\"{}\" => Self::{},", value.name, names::camel(value.name));
        }
        emit!(self, "other => Self::{other}(other.into()),\n}} }}\n}}\n");
    }

    pub(super) fn alternate_of(&mut self, item: &Item<'_>) {
        let name = self.model.rust_name(item.name).to_owned();
        self.text += &self.docs.item(item, &[]);
        self.alias(item, &name);
        emit!(self, "#[derive(Clone, Debug, PartialEq)]\n#[non_exhaustive]\npub enum {name} {{");
        let forms: Vec<(&Part<'_>, String, String)> = item
            .members
            .iter()
            .map(|form| {
                let spelt = self.spelt(form.of);
                (form, names::camel(form.name), spelt)
            })
            .collect();
        for (form, variant, spelt) in &forms {
            self.text += &self.docs.part(item, form);
            match self.json_of(form) {
                "null" => emit!(self, "{variant},"),
                "object" => emit!(self, "{variant}(Box<{spelt}>),"),
                _ => emit!(self, "{variant}({spelt}),"),
            }
        }
        emit!(self, "/// A value of any other JSON type.\nOther(Value),\n}}\n");
        for (form, variant, spelt) in &forms {
            self.conversions(&name, form, variant, spelt);
        }
        self.read_alternate(&name, &forms);
        emit!(self, "impl serde::Serialize for {name} {{");
        emit!(
            self,
            "fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {{"
        );
        emit!(self, "match self {{");
        for (form, variant, _) in &forms {
            match self.json_of(form) {
                "null" => emit!(self, "Self::{variant} => to.serialize_unit(),"),
                _ => emit!(self, "Self::{variant}(it) => it.serialize(to),"),
            }
        }
        emit!(self, "Self::Other(it) => it.serialize(to),\n}} }}\n}}\n");
    }

    fn conversions(&mut self, name: &str, form: &Part<'_>, variant: &str, spelt: &str) {
        let mut from = |of: &str, value: &str| {
            emit!(self, "impl From<{of}> for {name} {{");
            emit!(self, "fn from(it: {of}) -> Self {{ Self::{variant}({value}) }}\n}}\n");
        };
        match form.of {
            "null" => {}
            "str" => {
                from("String", "it");
                from("&str", "it.into()");
            }
            of if of.starts_with('[') => from(spelt, "it"),
            _ => match self.json_of(form) {
                "object" => {
                    emit!(self, "impl From<{spelt}> for {name} {{");
                    emit!(self, "fn from(it: {spelt}) -> Self {{");
                    emit!(self, "Self::{variant}(Box::new(it)) }}\n}}\n");
                }
                _ => {
                    emit!(self, "impl From<{spelt}> for {name} {{");
                    emit!(self, "fn from(it: {spelt}) -> Self {{ Self::{variant}(it) }}\n}}\n");
                }
            },
        }
    }

    fn read_alternate(&mut self, name: &str, forms: &[(&Part<'_>, String, String)]) {
        let find = |rust: &Self, json: &str| {
            forms.iter().find(|(form, ..)| rust.json_of(form) == json).cloned()
        };
        let mut text = String::new();
        let mut method = |signature: &str, body: &str| {
            let _ = writeln!(text, "fn {signature} -> Result<Self::Value, E> {{ {body} }}\n");
        };
        method(
            "visit_bool<E>(self, it: bool)",
            &match find(self, "boolean") {
                Some((_, variant, _)) => format!("Ok({name}::{variant}(it))"),
                None => format!("Ok({name}::Other(it.into()))"),
            },
        );
        for of in ["i64", "u64"] {
            method(
                &format!("visit_{of}<E>(self, it: {of})"),
                &match find(self, "int") {
                    Some((_, variant, spelt)) if spelt == of => {
                        format!("Ok({name}::{variant}(it))")
                    }
                    Some((_, variant, _)) => format!(
                        "Ok(it.try_into().map_or_else(|_| {name}::Other(it.into()), {name}::{variant}))"
                    ),
                    None => format!("Ok({name}::Other(it.into()))"),
                },
            );
        }
        method("visit_f64<E>(self, it: f64)", &format!("Ok({name}::Other(it.into()))"));
        method(
            "visit_str<E>(self, it: &str)",
            &match find(self, "string") {
                Some((_, variant, _)) => format!("Ok({name}::{variant}(it.into()))"),
                None => format!("Ok({name}::Other(it.into()))"),
            },
        );
        method(
            "visit_unit<E>(self)",
            &match find(self, "null") {
                Some((_, variant, _)) => format!("Ok({name}::{variant})"),
                None => format!("Ok({name}::Other(Value::Null))"),
            },
        );
        let list = match find(self, "list") {
            Some((_, variant, spelt)) => format!(
                "<{spelt}>::deserialize(serde::de::value::SeqAccessDeserializer::new(it))\
                 .map({name}::{variant})"
            ),
            None => format!("crate::wire::value_of_seq(it).map({name}::Other)"),
        };
        let object = match find(self, "object") {
            Some((_, variant, _)) => {
                format!("Object::read(&mut it).map(Box::new).map({name}::{variant})")
            }
            None => format!("crate::wire::value_of_map(it).map({name}::Other)"),
        };
        let mutable = if object.contains("&mut it") { "mut " } else { "" };
        let import =
            if list.contains("deserialize(") { "use serde::Deserialize as _;" } else { "" };
        emit!(self, "impl<'de> serde::Deserialize<'de> for {name} {{");
        emit!(
            self,
            "fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {{"
        );
        emit!(self, "{import}struct Form;\n");
        emit!(self, "impl<'de> serde::de::Visitor<'de> for Form {{ type Value = {name};\n");
        emit!(
            self,
            "fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {{"
        );
        emit!(self, "f.write_str(\"{name}\") }}\n");
        self.text += &text;
        emit!(self, "fn visit_seq<A: serde::de::SeqAccess<'de>>(self, it: A)");
        emit!(self, " -> Result<Self::Value, A::Error> {{ {list} }}\n");
        emit!(self, "fn visit_map<A: MapAccess<'de>>(self, {mutable}it: A)");
        emit!(self, " -> Result<Self::Value, A::Error> {{ {object} }}\n");
        emit!(self, "}}\n\nfrom.deserialize_any(Form)\n}}\n}}\n");
    }

    /// Returns the JSON type of a form.
    fn json_of(&self, form: &Part<'_>) -> &'static str {
        match form.of {
            of if of.starts_with('[') => "list",
            "str" => "string",
            "bool" => "boolean",
            "null" => "null",
            name => match self.model.get(plain(name)).map(|item| item.kind) {
                Some(Kind::Enum) => "string",
                Some(_) => "object",
                None => "int",
            },
        }
    }
}
