//! Commands and events.

use std::fmt::Write;

use super::names;
use super::rust::{Rust, emit};
use crate::vocabulary::facts::{Item, Kind};

/// The macros that implement the serde traits of items.
pub(super) const OBJECTS: &str = "objects";
pub(super) const BARE: &str = "bare_commands";

impl Rust<'_, '_> {
    /// Writes a command; returns the macro that implements serde's traits for it, if they are not
    /// implemented yet.
    pub(super) fn command_of(&mut self, item: &Item<'_>) -> Option<&'static str> {
        let name = self.model.rust_name(item.name).to_owned();
        let output = match item.returns {
            Some(returns) => self.spelt(returns),
            None => "Empty".into(),
        };
        let more = returns(item, &output);
        let made_by = match item.arguments {
            // The type was written already.
            Some(arguments) if self.model.rust_name(arguments) == name => None,
            Some(arguments) => {
                self.newtype(item, &name, arguments, &[more]);
                Some(OBJECTS)
            }
            None => {
                self.struct_of(item, &[more]);
                Some(if item.members.is_empty() { BARE } else { OBJECTS })
            }
        };
        emit!(self, "impl Command for {name} {{");
        emit!(self, "const NAME: &'static str = \"{}\";", item.name);
        if !item.success_response {
            emit!(self, "const SUCCESS_RESPONSE: bool = false;");
        }
        if item.allow_oob {
            emit!(self, "const ALLOW_OOB: bool = true;");
        }
        // Inline, so that it is compiled only by crates that use it.
        emit!(self, "type Output = {output};\n\n#[inline]");
        emit!(self, "fn check_arguments(arguments: qmp_proto::RawJson<'_>)");
        emit!(self, " -> Result<(), qmp_proto::ArgumentError> {{");
        emit!(self, "crate::describe::check_command(\"{}\", arguments) }}\n}}\n", item.name);
        self.availability(item, &name);
        made_by
    }

    /// Writes an event; returns the macro that implements serde's traits for it.
    pub(super) fn event_of(&mut self, item: &Item<'_>) -> &'static str {
        let name = self.model.rust_name(item.name).to_owned();
        match item.arguments {
            Some(arguments) => self.newtype(item, &name, arguments, &[]),
            None => self.struct_of(item, &[]),
        }
        emit!(self, "impl TypedEvent for {name} {{");
        emit!(self, "const NAME: &'static str = \"{}\";\n}}\n", item.name);
        self.availability(item, &name);
        OBJECTS
    }

    /// Writes a type that has the members of another type.
    fn newtype(&mut self, item: &Item<'_>, name: &str, arguments: &str, more: &[String]) {
        let inner = self.named(arguments);
        self.text += &self.docs.item(item, more);
        self.alias(item, name);
        emit!(self, "#[derive(Clone, Debug, PartialEq)]\npub struct {name}(pub {inner});\n");
        emit!(self, "impl From<{inner}> for {name} {{");
        emit!(self, "#[inline]\nfn from(it: {inner}) -> Self {{ Self(it) }}\n}}\n");
        emit!(self, "impl Object for {name} {{");
        emit!(self, "const NAME: &'static str = \"{name}\";\n");
        emit!(self, "fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error> {{");
        emit!(self, "Object::read(map).map(Self) }}\n");
        emit!(self, "fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {{");
        emit!(self, "self.0.write(map) }}\n}}\n");
    }

    fn availability(&mut self, item: &Item<'_>, name: &str) {
        let facts = self.model.facts;
        let number = |at: usize| facts.versions.get(at).copied().unwrap_or_default();
        let since = item.since.unwrap_or_else(|| number(item.versions.oldest()));
        let last = item.versions.newest();
        let gone = (last + 1 < facts.versions.len()).then(|| number(last + 1));
        let features = item.features.iter().filter(|feature| feature.versions.has(last));
        let features: Vec<String> = features.map(|it| format!("\"{}\"", it.name)).collect();
        emit!(self, "impl Availability for {name} {{");
        emit!(self, "const SINCE: (u16, u16) = {since:?};");
        if let Some(gone) = gone {
            emit!(self, "const GONE: Option<(u16, u16)> = Some({gone:?});");
        }
        if !features.is_empty() {
            emit!(self, "const FEATURES: &'static [&'static str] = &[{}];", features.join(", "));
        }
        emit!(self, "}}\n");
    }

    /// Writes `events::Any`.
    pub(super) fn any_event(&mut self, events: &[&Item<'_>]) {
        let names: Vec<&str> = events.iter().map(|item| self.model.rust_name(item.name)).collect();
        let mut text = String::from(
            "/// Any event.\n\
             #[derive(Clone, Debug, PartialEq)]\n#[non_exhaustive]\npub enum Any {\n",
        );
        for (name, item) in names.iter().zip(events) {
            let _ = writeln!(text, "/// `{}`.\n{name}({name}),", item.name);
        }
        text += "/// An event that this crate does not know.\n\
                 Other {\n/// Its name.\nname: String,\n/// Its data, or `{}` if it has none.\n\
                 data: Value,\n},\n}\n\n\
                 impl Any {\n/// Returns the name of the event.\npub fn name(&self) -> &str { match self {\n";
        for (name, item) in names.iter().zip(events) {
            let _ = writeln!(text, "Self::{name}(_) => \"{}\",", item.name);
        }
        text += "Self::Other { name, .. } => name,\n} }\n}\n\n\
                 impl<'b> qmp_proto::EventSet<'b> for Any {\n\
                 /// Empty, which selects all events.\n\
                 const NAMES: &'static [&'static str] = &[];\n\n\
                 // Compiled only by crates that use it.\n\
                 #[inline]\nfn decode(name: &str, data: qmp_proto::EventData<'b>) \
                 -> Option<Result<Self, qmp_proto::DecodeError>> {\nSome(match name {\n";
        for (name, item) in names.iter().zip(events) {
            let _ = writeln!(text, "\"{}\" => data.decode().map(Self::{name}),", item.name);
        }
        text += "_ => data.decode().map(|data| Self::Other { name: name.into(), data }),\n\
                 })\n}\n}\n\n";
        self.text += &text;
    }
}

fn returns(item: &Item<'_>, output: &str) -> String {
    let mut text = match item.returns {
        None => "Returns nothing.".to_owned(),
        Some(of) => {
            let plain = output.trim_start_matches("Vec<").trim_end_matches('>');
            let is_type = !["String", "i64", "u64", "f64", "bool", "Value"].contains(&plain);
            let linked = if is_type { format!("[`{plain}`]") } else { format!("`{plain}`") };
            if of.starts_with('[') {
                format!("Returns a list of {linked}.")
            } else {
                format!("Returns {linked}.")
            }
        }
    };
    if !item.success_response {
        text = "Replies only if it fails.".into();
    }
    if item.allow_oob {
        text += " May be executed out of band.";
    }
    text
}

/// Returns whether the item is a type.
pub(super) fn is_type(item: &Item<'_>) -> bool {
    !matches!(item.kind, Kind::Command | Kind::Event)
}

/// Returns the name of a module, for its file.
pub(super) fn file_of(module: &str) -> String {
    format!("{}.rs", names::snake(module))
}
