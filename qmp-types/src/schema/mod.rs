//! The features of a running QEMU.
//!
//! The version of QEMU does not determine its features: distributions port features back and leave
//! features out. [`QuerySchema`] requests the schema of a running QEMU, and [`Schema::has`] looks up a
//! feature in it. The guest agent has no schema; its command `guest-info` lists its commands.

mod path;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use qmp_proto::Command;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::generated::introspect::{SchemaInfo, SchemaInfoMetaType};
use path::Path;
pub use path::PathError;

/// The command `query-qmp-schema`, which returns a [`Schema`].
///
/// [`QueryQmpSchema`](crate::QueryQmpSchema) is the same command and returns a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuerySchema;

impl QuerySchema {
    /// Creates the command.
    pub const fn new() -> Self {
        Self
    }
}

impl Command for QuerySchema {
    const NAME: &'static str = "query-qmp-schema";
    type Output = Schema;
}

impl Serialize for QuerySchema {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_unit_struct("QuerySchema")
    }
}

/// The schema of a running QEMU: its reply to `query-qmp-schema`.
///
/// ```
/// use qmp_types::schema::Schema;
///
/// // In a program: `qemu.call(&QuerySchema::new())`.
/// let schema: Schema = serde_json::from_str(
///     r#"[{"name": "job-pause", "meta-type": "command", "arg-type": "1", "ret-type": "0"},
///         {"name": "0", "meta-type": "object", "members": []},
///         {"name": "1", "meta-type": "object", "members": [{"name": "id", "type": "str"}]}]"#,
/// )?;
/// assert!(schema.has("job-pause.id")?);
/// assert!(!schema.has("job-pause.force")?);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    entries: BTreeMap<String, SchemaInfo>,
}

impl Schema {
    /// Creates a schema from the entries that `query-qmp-schema` returned.
    pub fn new(entries: Vec<SchemaInfo>) -> Self {
        Self { entries: entries.into_iter().map(|entry| (entry.name.clone(), entry)).collect() }
    }

    /// Returns whether the schema contains an item.
    ///
    /// | path | item |
    /// |---|---|
    /// | `blockdev-add`, `JOB_STATUS_CHANGE` | a command, an event |
    /// | `blockdev-add.node-name`, `MIGRATION.status` | an argument, a member of an event's data |
    /// | `migrate.channels.addr.host` | a nested member, in the elements of a list, in any form of an alternate, or in any branch of a union |
    /// | `query-block<.inserted` | a member of a command's return value |
    /// | `screendump.format=png` | a value of an enum |
    /// | `block-job-pause@deprecated`, `….member@feature`, `…=value@feature` | a feature of the item or of its type |
    ///
    /// To use `.`, `<`, `=`, `@` or a backslash in a name, write a backslash before it.
    ///
    /// # Errors
    ///
    /// Returns an error if the path is malformed. An item that the schema does not contain is not an
    /// error.
    pub fn has(&self, path: &str) -> Result<bool, PathError> {
        Ok(self.find(&Path::parse(path)?).is_some())
    }

    /// Returns the entry with this name: a command, an event, or the number of a type.
    pub fn get(&self, name: &str) -> Option<&SchemaInfo> {
        self.entries.get(name)
    }

    /// Returns all entries, sorted by name.
    pub fn entries(&self) -> impl Iterator<Item = &SchemaInfo> {
        self.entries.values()
    }

    fn find(&self, path: &Path) -> Option<()> {
        let root = self.get(&path.root)?;
        let mut types = Vec::new();
        match &root.meta_type {
            SchemaInfoMetaType::Command(it) if path.returned => self.open(&it.ret_type, &mut types),
            SchemaInfoMetaType::Command(it) => self.open(&it.arg_type, &mut types),
            SchemaInfoMetaType::Event(it) if !path.returned => self.open(&it.arg_type, &mut types),
            _ => return None,
        }
        let mut features: Vec<&str> = Vec::new();
        if !path.returned {
            features.extend(texts(&root.features));
        }
        for name in &path.members {
            let members: Vec<_> =
                types.iter().flat_map(|of| members(of)).filter(|it| it.name == name).collect();
            if members.is_empty() {
                return None;
            }
            (types, features) = (Vec::new(), Vec::new());
            for member in members {
                self.open(member.of, &mut types);
                features.extend(texts(member.features));
            }
        }
        if let Some(wanted) = &path.value {
            let values = types.iter().flat_map(|of| values(of));
            let found: Vec<_> = values.filter(|(name, _)| name == wanted).collect();
            if found.is_empty() {
                return None;
            }
            features = found.into_iter().flat_map(|(_, features)| texts(features)).collect();
            types.clear();
        }
        let Some(wanted) = &path.feature else { return Some(()) };
        features.extend(types.iter().flat_map(|of| texts(&of.features)));
        features.contains(&wanted.as_str()).then_some(())
    }

    /// Adds a type and all types that a path goes through without naming them: the elements of a list,
    /// the forms of an alternate, the branches of a union.
    fn open<'s>(&'s self, name: &str, types: &mut Vec<&'s SchemaInfo>) {
        let Some(entry) = self.get(name) else { return };
        if types.iter().any(|it| it.name == entry.name) {
            return;
        }
        types.push(entry);
        match &entry.meta_type {
            SchemaInfoMetaType::Array(list) => self.open(&list.element_type, types),
            SchemaInfoMetaType::Alternate(it) => {
                it.members.iter().for_each(|form| self.open(&form.r#type, types));
            }
            SchemaInfoMetaType::Object(it) => {
                it.variants.iter().flatten().for_each(|branch| self.open(&branch.r#type, types));
            }
            _ => {}
        }
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Vec::deserialize(from).map(Self::new)
    }
}

struct Member<'s> {
    name: &'s str,
    of: &'s str,
    features: &'s Option<Vec<String>>,
}

fn members(of: &SchemaInfo) -> impl Iterator<Item = Member<'_>> {
    let members = match &of.meta_type {
        SchemaInfoMetaType::Object(it) => it.members.as_slice(),
        _ => &[],
    };
    members.iter().map(|it| Member { name: &it.name, of: &it.r#type, features: &it.features })
}

/// Returns the values of an enum and their features. Before QEMU 6.2 values have no features.
pub(crate) fn values(of: &SchemaInfo) -> Vec<(&str, &Option<Vec<String>>)> {
    let SchemaInfoMetaType::Enum(it) = &of.meta_type else { return Vec::new() };
    match &it.members {
        Some(members) => members.iter().map(|it| (it.name.as_str(), &it.features)).collect(),
        None => it.values.iter().flatten().map(|name| (name.as_str(), &None)).collect(),
    }
}

fn texts(list: &Option<Vec<String>>) -> impl Iterator<Item = &str> {
    list.iter().flatten().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"[
        {"name": "do-it", "meta-type": "command", "arg-type": "1", "ret-type": "5", "features": ["deprecated"]},
        {"name": "IT_DONE", "meta-type": "event", "arg-type": "2"},
        {"name": "str", "meta-type": "builtin", "json-type": "string"},
        {"name": "1", "meta-type": "object", "tag": "kind", "members": [
            {"name": "kind", "type": "3"}, {"name": "a.b", "type": "str", "features": ["unstable"]}],
            "variants": [{"case": "x", "type": "2"}]},
        {"name": "2", "meta-type": "object", "features": ["f"], "members": [
            {"name": "inner", "type": "4", "default": null}]},
        {"name": "3", "meta-type": "enum", "values": ["x"], "members": [{"name": "x", "features": ["g"]}]},
        {"name": "4", "meta-type": "alternate", "members": [{"type": "str"}, {"type": "1"}]},
        {"name": "5", "meta-type": "array", "element-type": "6"},
        {"name": "6", "meta-type": "enum", "values": ["old"]}]"#;

    #[test]
    fn paths_go_through_lists_alternates_and_branches() {
        let schema: Schema = serde_json::from_str(SCHEMA).unwrap();
        for path in [
            "do-it",
            "do-it@deprecated",
            "do-it@f",
            "do-it.kind",
            "do-it.kind=x",
            "do-it.kind=x@g",
            "do-it.a\\.b@unstable",
            "do-it.inner",
            "do-it.inner.inner.kind=x",
            "do-it<=old",
            "IT_DONE",
            "IT_DONE.inner.kind",
            "IT_DONE@f",
            "IT_DONE.inner@f",
        ] {
            assert_eq!(schema.has(path), Ok(true), "{path}");
        }
        for path in [
            "do-that",
            "do-it@g",
            "do-it.x",
            "do-it.kind=y",
            "do-it.kind=x@f",
            "do-it.a.b",
            "do-it<.kind",
            "do-it<=new",
            "do-it<=old@f",
            "IT_DONE<.inner",
            "IT_DONE.kind",
            "1.kind",
            "do-it.kind@deprecated",
        ] {
            assert_eq!(schema.has(path), Ok(false), "{path}");
        }
        assert!(schema.has("do-it..").is_err());
    }
}
