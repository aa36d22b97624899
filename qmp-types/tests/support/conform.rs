//! Compares a schema with the facts.

use std::collections::{BTreeMap, BTreeSet};

use qmp_types::schema::Schema;
use qmp_types::{
    JSONType, SchemaInfo, SchemaInfoMetaType, SchemaInfoObject, SchemaInfoObjectMember,
};

use crate::facts::{Facts, Feature, Item, Kind, Part};

/// Intended differences, with the reason.
const EXCEPTIONS: [(&str, &str); 1] =
    [("ObjectOptions.props", "5.2 takes the properties beside it as well, as all others do")];

/// The result of a comparison.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The differences between the facts and the schema.
    pub(crate) bad: BTreeSet<String>,
    /// The facts that the schema contains, as `item.part`.
    pub(crate) seen: BTreeSet<String>,
    /// The number of strings that are decoded to an enum.
    pub(crate) texts: usize,
    /// The number of types that are decoded to a form of an alternate.
    pub(crate) forms: usize,
}

/// Compares all commands and events of a server of this version, and all types that they use.
pub(crate) fn walk(facts: &Facts<'_>, schema: &Schema, version: usize) -> Found {
    let mut walk = Walk {
        by_name: facts.items.iter().map(|item| (item.name, item)).collect(),
        schema,
        version,
        done: BTreeSet::new(),
        found: Found::default(),
    };
    for entry in schema.entries() {
        walk.root(entry);
    }
    walk.found
}

/// Returns the commands and events that the facts have in this version and the schema lacks.
pub(crate) fn lacking(facts: &Facts<'_>, schema: &Schema, version: usize) -> Vec<String> {
    let is_root = |item: &&Item<'_>| matches!(item.kind, Kind::Command | Kind::Event);
    let roots = facts.items.iter().filter(is_root).filter(|item| item.module != "qga");
    let lacking = roots.filter(|item| item.versions.has(version) && !item.conditional);
    lacking.filter(|item| schema.get(item.name).is_none()).map(|item| item.name.into()).collect()
}

struct Walk<'w> {
    by_name: BTreeMap<&'w str, &'w Item<'w>>,
    schema: &'w Schema,
    version: usize,
    done: BTreeSet<(String, String)>,
    found: Found,
}

impl<'w> Walk<'w> {
    fn bad(&mut self, place: &str, what: &str) {
        if !EXCEPTIONS.iter().any(|(exception, _)| *exception == place) {
            self.found.bad.insert(format!("{place}: {what}"));
        }
    }

    fn root(&mut self, entry: &'w SchemaInfo) {
        let (arguments, returns, oob) = match &entry.meta_type {
            SchemaInfoMetaType::Command(it) => {
                (&it.arg_type, Some(&it.ret_type), it.allow_oob.unwrap_or(false))
            }
            SchemaInfoMetaType::Event(it) => (&it.arg_type, None, false),
            _ => return,
        };
        let Some(&item) = self.by_name.get(entry.name.as_str()) else {
            return self.bad(&entry.name, "is unknown");
        };
        let kind = if returns.is_some() { Kind::Command } else { Kind::Event };
        if item.kind != kind || !item.versions.has(self.version) {
            self.bad(item.name, "is of another version or kind");
        }
        if item.allow_oob != oob {
            self.bad(item.name, "differs in allow-oob");
        }
        self.found.seen.insert(item.name.into());
        self.features(item.name, &item.features, &entry.features);
        match item.arguments {
            Some(named) => self.type_of(item.name, named, arguments),
            None => match self.object(arguments) {
                Some(object) => self.members(item, &item.members, &object.members),
                None => self.bad(item.name, "has arguments that are no object"),
            },
        }
        match (item.returns, returns) {
            (Some(of), Some(live)) => self.type_of(item.name, of, live),
            (None, Some(live)) if !self.is_empty(live) => self.bad(item.name, "returns something"),
            _ => {}
        }
    }

    fn object(&self, name: &str) -> Option<&'w SchemaInfoObject> {
        match &self.schema.get(name)?.meta_type {
            SchemaInfoMetaType::Object(object) => Some(object),
            _ => None,
        }
    }

    fn is_empty(&self, name: &str) -> bool {
        self.object(name).is_some_and(|it| it.members.is_empty() && it.tag.is_none())
    }

    fn members(
        &mut self,
        item: &'w Item<'w>,
        known: &'w [Part<'w>],
        live: &'w [SchemaInfoObjectMember],
    ) {
        for member in live {
            let place = format!("{}.{}", item.name, member.name);
            let part = known.iter().find(|part| part.name == member.name);
            let Some(part) = part else {
                // If a struct became a union, a member may have moved to a branch.
                match self.in_branch(item, &member.name) {
                    Some(of) => self.type_of(&place, of, &member.r#type),
                    None => self.bad(&place, "is unknown"),
                }
                continue;
            };
            if !part.versions.has(self.version) {
                self.bad(&place, "is of another version");
            }
            if part.optional.has(self.version) != member.default.is_some() {
                self.bad(&place, "differs in whether it is optional");
            }
            self.found.seen.insert(place.clone());
            self.features(&place, &part.features, &member.features);
            self.type_of(&place, part.of, &member.r#type);
        }
        let version = self.version;
        for part in known.iter().filter(|part| part.versions.has(version)) {
            if !part.conditional && !live.iter().any(|member| member.name == part.name) {
                self.bad(&format!("{}.{}", item.name, part.name), "is lacking");
            }
        }
    }

    fn in_branch(&self, item: &Item<'w>, name: &str) -> Option<&'w str> {
        let branches = item.branches.iter().filter_map(|branch| self.by_name.get(branch.of));
        let mut members = branches.flat_map(|branch| &branch.members);
        members.find(|member| member.name == name).map(|member| member.of)
    }

    fn type_of(&mut self, place: &str, of: &'w str, live: &str) {
        if !self.done.insert((of.to_owned(), live.to_owned())) {
            return;
        }
        let Some(entry) = self.schema.get(live) else {
            return self.bad(place, "has a type that is not defined");
        };
        let inner = of.strip_prefix('[').and_then(|of| of.strip_suffix(']'));
        match (&entry.meta_type, inner) {
            (SchemaInfoMetaType::Array(list), Some(inner)) => {
                self.type_of(place, inner, &list.element_type);
            }
            (_, Some(_)) => self.bad(place, "is no list"),
            _ => match self.by_name.get(of) {
                Some(&item) => self.item(place, item, entry),
                None => self.builtin(place, of, entry),
            },
        }
    }

    fn builtin(&mut self, place: &str, of: &str, live: &SchemaInfo) {
        let SchemaInfoMetaType::Builtin(it) = &live.meta_type else {
            return self.bad(place, "is no builtin type");
        };
        let expected = match of {
            "str" => JSONType::String,
            "bool" => JSONType::Boolean,
            "any" => JSONType::Value,
            "null" => JSONType::Null,
            "number" => JSONType::Number,
            _ => JSONType::Int,
        };
        if it.json_type != expected {
            self.bad(place, "is of another builtin type");
        }
    }

    fn item(&mut self, place: &str, item: &'w Item<'w>, live: &'w SchemaInfo) {
        match (item.kind, &live.meta_type) {
            (Kind::Enum, SchemaInfoMetaType::Enum(_)) => {
                self.seen_type(item, live);
                self.values(item, live);
            }
            (Kind::Enum, SchemaInfoMetaType::Builtin(it)) if it.json_type == JSONType::String => {
                self.found.texts += 1;
            }
            (Kind::Struct | Kind::Union, SchemaInfoMetaType::Object(object)) => {
                self.seen_type(item, live);
                self.members(item, &item.members, &object.members);
                self.branches(item, object);
            }
            (Kind::Alternate, SchemaInfoMetaType::Alternate(it)) => {
                self.seen_type(item, live);
                for form in &it.members {
                    self.form(place, item, &form.r#type);
                }
                let known = item.members.iter().filter(|it| it.versions.has(self.version));
                if known.count() != it.members.len() {
                    self.bad(item.name, "has another number of forms");
                }
            }
            (Kind::Alternate, _) => {
                self.found.forms += 1;
                self.form(place, item, &live.name);
            }
            _ => self.bad(place, "is of another kind"),
        }
    }

    /// Compares the versions and features of a type.
    fn seen_type(&mut self, item: &'w Item<'w>, live: &SchemaInfo) {
        if !item.versions.has(self.version) {
            self.bad(item.name, "is of another version");
        }
        self.found.seen.insert(item.name.into());
        self.features(item.name, &item.features, &live.features);
    }

    /// Finds the form of an alternate by its type, because forms have no names in a schema.
    fn form(&mut self, place: &str, item: &'w Item<'w>, live: &str) {
        let Some(entry) = self.schema.get(live) else { return self.bad(place, "has no such form") };
        let fits = |part: &&Part<'w>| {
            let kind = self.by_name.get(part.of).map(|item| item.kind);
            match (&entry.meta_type, kind) {
                (SchemaInfoMetaType::Object(_), Some(Kind::Struct | Kind::Union)) => true,
                (SchemaInfoMetaType::Enum(_), Some(Kind::Enum)) => true,
                (SchemaInfoMetaType::Array(_), None) => part.of.starts_with('['),
                (SchemaInfoMetaType::Builtin(it), Some(Kind::Enum)) => {
                    it.json_type == JSONType::String
                }
                (SchemaInfoMetaType::Builtin(it), None) => match part.of {
                    "str" => it.json_type == JSONType::String,
                    "bool" => it.json_type == JSONType::Boolean,
                    "null" => it.json_type == JSONType::Null,
                    of => !of.starts_with('[') && it.json_type == JSONType::Int,
                },
                _ => false,
            }
        };
        match item.members.iter().find(fits) {
            Some(part) => {
                self.found.seen.insert(format!("{}.{}", item.name, part.name));
                self.type_of(place, part.of, live);
            }
            None => self.bad(place, "has a form that is unknown"),
        }
    }

    fn values(&mut self, item: &'w Item<'w>, live: &SchemaInfo) {
        let SchemaInfoMetaType::Enum(it) = &live.meta_type else { return };
        let values: Vec<(&str, &Option<Vec<String>>)> = match &it.members {
            Some(members) => members.iter().map(|it| (it.name.as_str(), &it.features)).collect(),
            None => it.values.iter().flatten().map(|it| (it.as_str(), &None)).collect(),
        };
        for (value, features) in &values {
            let place = format!("{}.{value}", item.name);
            match item.values.iter().find(|part| part.name == *value) {
                Some(part) if part.versions.has(self.version) => {
                    self.found.seen.insert(place.clone());
                    self.features(&place, &part.features, features);
                }
                _ => self.bad(&place, "is a value that is unknown"),
            }
        }
        let version = self.version;
        for part in item.values.iter().filter(|part| part.versions.has(version)) {
            if !part.conditional && !values.iter().any(|(value, _)| *value == part.name) {
                self.bad(&format!("{}.{}", item.name, part.name), "is a value that is lacking");
            }
        }
    }

    fn branches(&mut self, item: &'w Item<'w>, live: &'w SchemaInfoObject) {
        let variants = live.variants.as_deref().unwrap_or_default();
        if live.tag.as_deref().is_some_and(|tag| tag != item.tag) {
            self.bad(item.name, "has another tag");
        }
        for variant in variants {
            let place = format!("{}.{}", item.name, variant.case);
            match item.branches.iter().find(|branch| branch.name == variant.case) {
                Some(branch) if branch.versions.has(self.version) => {
                    // A schema does not distinguish an empty branch from no branch.
                    if !self.is_empty(&variant.r#type) {
                        self.found.seen.insert(format!("{}|{}", item.name, branch.name));
                    }
                    let data = self.object(&variant.r#type).map(|it| it.members.as_slice());
                    match (branch.wrapped, data) {
                        (true, Some([data])) if data.name == "data" => {
                            self.type_of(&place, branch.of, &data.r#type);
                        }
                        (true, _) => self.bad(&place, "is not wrapped"),
                        (false, _) => self.type_of(&place, branch.of, &variant.r#type),
                    }
                }
                // A value of the tag without members of its own.
                _ if self.is_empty(&variant.r#type) => {}
                _ => self.bad(&place, "is a branch that is unknown"),
            }
        }
        let version = self.version;
        for branch in item.branches.iter().filter(|it| it.versions.has(version)) {
            let conditional = branch.conditional || self.is_conditional_value(item, branch.name);
            if !conditional && !variants.iter().any(|variant| variant.case == branch.name) {
                self.bad(&format!("{}.{}", item.name, branch.name), "is a branch that is lacking");
            }
        }
    }

    fn is_conditional_value(&self, item: &Item<'w>, name: &str) -> bool {
        let tag = item.members.iter().find(|member| member.name == item.tag);
        let values = tag.and_then(|tag| self.by_name.get(tag.of));
        values.is_some_and(|it| it.values.iter().any(|it| it.name == name && it.conditional))
    }

    fn features(&mut self, place: &str, known: &[Feature<'_>], live: &Option<Vec<String>>) {
        let known = known.iter().filter(|feature| feature.versions.has(self.version));
        let known: BTreeSet<&str> = known.map(|feature| feature.name).collect();
        let live: BTreeSet<&str> = live.iter().flatten().map(String::as_str).collect();
        if known != live {
            self.bad(place, &format!("has the features {live:?}, not {known:?}"));
        }
    }
}
