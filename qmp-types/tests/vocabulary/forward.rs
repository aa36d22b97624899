//! Laws over every type: what is written is read again, and nothing that a later QEMU adds fails.

use serde_json::{Map, Value, json};

use crate::every::{COMMANDS, EVENTS, TYPES};
use crate::facts::{Facts, Item, Kind, Part};
use crate::through::{Through, same};

const TEXT: &str = include_str!("../../facts.txt");

/// How values are made.
#[derive(Clone, Copy, PartialEq)]
enum How {
    /// All members, known values.
    Full,
    /// Only the members that each version has.
    Least,
    /// All members, a value, a member and a branch that no version has.
    Later,
}

struct Maker<'f> {
    facts: &'f Facts<'f>,
    how: How,
    seed: u64,
}

impl Maker<'_> {
    /// A number below the limit.
    fn pick(&mut self, limit: usize) -> usize {
        // Knuth's, whose upper bits are good enough here.
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.seed >> 33).unwrap() % limit.max(1)
    }

    fn value(&mut self, of: &str, depth: usize) -> Value {
        if let Some(element) = of.strip_prefix('[').and_then(|of| of.strip_suffix(']')) {
            let count = if depth > 4 { 0 } else { 1 + self.pick(2) };
            return (0..count).map(|_| self.value(element, depth + 1)).collect();
        }
        match of {
            // Base64, too.
            "str" => json!("AAAA"),
            "bool" => json!(self.pick(2) == 0),
            "number" => json!(0.5),
            "any" => json!({"a": [1, null]}),
            "null" => Value::Null,
            _ => match self.facts.items.iter().find(|item| item.name == of) {
                Some(item) => self.item(item, depth),
                None => json!(self.pick(100)),
            },
        }
    }

    fn item(&mut self, item: &Item<'_>, depth: usize) -> Value {
        match item.kind {
            Kind::Enum if self.how == How::Later => json!("a-later-value"),
            Kind::Enum => json!(item.values[self.pick(item.values.len())].name),
            Kind::Alternate => {
                // The one that does not recurse, when it is deep enough.
                let at =
                    if depth > 4 { item.members.len() - 1 } else { self.pick(item.members.len()) };
                let form = item.members[at].of;
                self.value(form, depth + 1)
            }
            _ => Value::Object(self.object(item, depth)),
        }
    }

    fn object(&mut self, item: &Item<'_>, depth: usize) -> Map<String, Value> {
        if let Some(arguments) = item.arguments {
            let named = self.facts.items.iter().find(|it| it.name == arguments).unwrap();
            return self.object(named, depth);
        }
        let mut object = Map::new();
        for member in item.members.iter().filter(|member| member.name != item.tag) {
            self.member(&mut object, item, member, depth);
        }
        if let Some(tag) = item.members.iter().find(|member| member.name == item.tag) {
            let values = self.facts.items.iter().find(|it| it.name == tag.of).unwrap();
            // A list of branches may begin with one that recurses.
            let shallow = values
                .values
                .iter()
                .rev()
                .find(|value| !item.branches.iter().any(|branch| branch.name == value.name));
            let value = match shallow {
                Some(shallow) if depth > 4 => shallow.name,
                _ => values.values[self.pick(values.values.len())].name,
            };
            let branch = item.branches.iter().find(|branch| branch.name == value);
            match branch {
                // Of a branch that no version has, only the tag is kept.
                _ if self.how == How::Later => {
                    object.insert("left-out".into(), json!([{}]));
                    object.insert(tag.name.into(), json!("a-later-branch"));
                    return object;
                }
                Some(branch) if branch.wrapped => {
                    let data = self.value(branch.of, depth + 1);
                    object.insert("data".into(), data);
                }
                Some(branch) => {
                    let of = self.facts.items.iter().find(|it| it.name == branch.of).unwrap();
                    let members = self.object(of, depth + 1);
                    object.extend(members);
                }
                None => {}
            }
            // Last, as servers often write it.
            object.insert(tag.name.into(), json!(value));
        }
        if self.how == How::Later {
            object.insert("left-out".into(), json!({"deep": [1, "x"]}));
        }
        object
    }

    fn member(
        &mut self,
        object: &mut Map<String, Value>,
        item: &Item<'_>,
        member: &Part<'_>,
        depth: usize,
    ) {
        let always = member.optional.is_empty() && member.versions.contains(item.versions);
        if always || self.how != How::Least && depth <= 4 {
            let value = self.value(member.of, depth + 1);
            object.insert(member.name.into(), value);
        }
    }
}

/// The type that is made for each name.
fn all() -> impl Iterator<Item = (&'static str, Through)> {
    let arguments = COMMANDS.iter().map(|(name, arguments, _)| (*name, *arguments));
    arguments.chain(EVENTS.iter().copied()).chain(TYPES.iter().copied())
}

fn each(
    how: How,
    rounds: u64,
    mut law: impl FnMut(&str, &Value, Result<Value, serde_json::Error>),
) {
    let facts = Facts::read(TEXT);
    let mut count = 0;
    for (name, through) in all() {
        let item = facts.items.iter().find(|item| item.name == name).unwrap();
        for seed in 0..rounds {
            let value = Maker { facts: &facts, how, seed }.item(item, 0);
            // A command without arguments is written as none.
            let bare = item.members.is_empty() && item.arguments.is_none();
            let bare = item.kind == Kind::Command && bare && value == json!({});
            let value = if bare { Value::Null } else { value };
            law(name, &value, through(&value.to_string()));
            count += 1;
        }
    }
    assert!(count > 1000 * usize::try_from(rounds).unwrap(), "{count}");
}

/// Without what no version has.
fn known(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| *name != "left-out")
            .map(|(name, value)| (name.clone(), known(value)))
            .collect(),
        Value::Array(list) => list.iter().map(known).collect(),
        other => other.clone(),
    }
}

#[test]
fn every_type_is_read_and_written_again_unchanged() {
    each(How::Full, 8, |name, value, again| {
        let again = again.unwrap_or_else(|error| panic!("{name}: {value}: {error}"));
        assert!(same(value, &again), "{name}: {value} became {again}");
    });
}

#[test]
fn what_a_version_leaves_out_never_fails() {
    each(How::Least, 3, |name, value, again| {
        let again = again.unwrap_or_else(|error| panic!("{name}: {value}: {error}"));
        assert!(same(value, &again), "{name}: {value} became {again}");
    });
}

#[test]
fn what_a_later_version_adds_never_fails() {
    each(How::Later, 3, |name, value, again| {
        let again = again.unwrap_or_else(|error| panic!("{name}: {value}: {error}"));
        if name == "device_add" {
            return; // It takes any member, as a property.
        }
        let expected = known(value);
        let expected =
            if expected == json!({}) && again.is_null() { Value::Null } else { expected };
        assert!(same(&expected, &again), "{name}: {value} became {again}");
    });
}
