//! Errors in arguments: the vocabulary reports them in the words of QEMU itself.

use std::collections::BTreeSet;

use conformance::server::Suite;
use qmp_types::describe::{BuiltIn, Vocabulary};
use qmp_types::schema::Schema;
use serde_json::{Value, json};

use crate::facts::{Facts, Item, Kind, number};
use crate::maker::{How, Maker};
use crate::server::Peer;

conformance::on_every_qemu!(errors_in_arguments_are_those_of_qemu);

const TEXT: &str = include_str!("../../facts.txt");

/// Members that had another type in an older version, which therefore has another error: the version,
/// `command.member`, and what changed since.
const CHANGED: &[(&str, &str, &str)] = &[];

/// Returns arguments with one error each, which QEMU refuses before it executes anything.
fn broken(arguments: &Value) -> Vec<Value> {
    let Value::Object(members) = arguments else { return Vec::new() };
    let mut all = Vec::new();
    let mut more = members.clone();
    more.insert("left-out".into(), json!(1));
    all.push(Value::Object(more));
    for name in members.keys() {
        let mut other = members.clone();
        // No argument accepts a list of lists.
        other.insert(name.clone(), json!([[1]]));
        all.push(Value::Object(other));
    }
    all
}

/// Returns whether an error is the one that the live schema leads to. In a schema, alternates have
/// numbers for names, and all integers have one type.
fn is_close(error: &str, live: &str) -> bool {
    let (place, expected) = live.rsplit_once(' ').unwrap_or_default();
    let is_alternate = expected.parse::<u32>().is_ok() && error.starts_with(place);
    let number = error.replace("Parameter '", "Invalid parameter type for '");
    let number = number.replace(" expects uint64", ", expected: integer");
    error == live || is_alternate || number == live
}

/// Returns the member that an error names.
fn member_in(error: &str) -> &str {
    error.split('\'').nth(1).unwrap_or_default()
}

fn is_listed(suite: &Suite, member: &str) -> bool {
    CHANGED.iter().any(|(version, it, _)| *version == suite.version() && *it == member)
}

fn errors_in_arguments_are_those_of_qemu(suite: &Suite) {
    let facts = Facts::read(TEXT);
    let version = number(suite.version());
    let version = facts.versions.iter().position(|it| Some(*it) == version).unwrap();
    let mut server = Peer::qemu(suite);
    let schema: Schema = serde_json::from_str(&server.query("query-qmp-schema").unwrap()).unwrap();
    // `device_add`, and in 5.2 the others, accept arguments that the schema does not contain.
    let wanted = |item: &&Item<'_>| {
        let is_open = ["device_add", "object-add", "query-qmp-schema"].contains(&item.name);
        let known = item.versions.has(version) && schema.get(item.name).is_some();
        item.kind == Kind::Command && known && !is_open
    };
    let (mut same, mut changed, mut differs) = (0, BTreeSet::new(), Vec::new());
    for item in facts.items.iter().filter(wanted) {
        for seed in 0..2 {
            let made = Maker { facts: &facts, how: How::Of(version), seed }.item(item, 0);
            for wrong in broken(&made) {
                let known = BuiltIn.check_arguments(item.name, &wrong).err();
                // A member that accepts any value cannot have a wrong one.
                let Some(known) = known.map(|it| it.to_string()) else { continue };
                let Some(Err(error)) = server.try_send(item.name, &wrong) else {
                    panic!("{} {wrong} was not refused", item.name);
                };
                let live = schema.check_arguments(item.name, &wrong).err();
                let live = live.map(|it| it.to_string()).unwrap_or_default();
                let member = format!("{}.{}", item.name, member_in(&error));
                if error == known && is_close(&error, &live) {
                    same += 1;
                } else if is_listed(suite, &member) {
                    changed.insert(member);
                } else {
                    differs.push(format!("{member} {wrong}: {error}; {known}; {live}"));
                }
            }
        }
    }
    assert!(differs.is_empty(), "{} in addition to {same}: {differs:#?}", differs.len());
    assert!(same > 500, "{same}");
    let listed = CHANGED.iter().filter(|(version, ..)| *version == suite.version());
    let listed: BTreeSet<String> = listed.map(|(_, member, _)| (*member).to_owned()).collect();
    assert_eq!(changed, listed, "some members in the list have the same error by now");
}
