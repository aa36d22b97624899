//! Laws of all types: values survive a round trip, and additions of a later QEMU do not make decoding
//! fail.

use serde_json::{Value, json};

use crate::every::{COMMANDS, EVENTS, TYPES};
use crate::facts::{Facts, Kind};
use crate::maker::{How, Maker};
use crate::through::{Through, same};

pub(crate) const TEXT: &str = include_str!("../../facts.txt");

/// Returns all commands, events and types with their round trip.
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
            // A command without arguments is encoded as a unit.
            let bare = item.members.is_empty() && item.arguments.is_none();
            let bare = item.kind == Kind::Command && bare && value == json!({});
            let value = if bare { Value::Null } else { value };
            law(name, &value, through(&value.to_string()));
            count += 1;
        }
    }
    assert!(count > 1000 * usize::try_from(rounds).unwrap(), "{count}");
}

/// Returns the value without the members that no version has.
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
fn every_type_survives_a_round_trip() {
    each(How::Full, 8, |name, value, again| {
        let again = again.unwrap_or_else(|error| panic!("{name}: {value}: {error}"));
        assert!(same(value, &again), "{name}: {value} became {again}");
    });
}

#[test]
fn absent_members_never_fail() {
    each(How::Least, 3, |name, value, again| {
        let again = again.unwrap_or_else(|error| panic!("{name}: {value}: {error}"));
        assert!(same(value, &again), "{name}: {value} became {again}");
    });
}

#[test]
fn additions_of_a_later_version_never_fail() {
    each(How::Later, 3, |name, value, again| {
        let again = again.unwrap_or_else(|error| panic!("{name}: {value}: {error}"));
        if name == "device_add" {
            return; // It accepts any member as a property.
        }
        let expected = known(value);
        let expected =
            if expected == json!({}) && again.is_null() { Value::Null } else { expected };
        assert!(same(&expected, &again), "{name}: {value} became {again}");
    });
}
