//! Wrong arguments: a server is told in QEMU's words, which are those that QEMU itself has.

use conformance::server::Suite;
use qmp_types::describe::{BuiltIn, Vocabulary};
use qmp_types::schema::Schema;
use serde_json::{Value, json};

use crate::facts::{Facts, Item, Kind, number};
use crate::maker::{How, Maker};
use crate::server::Peer;

conformance::on_every_qemu!(errors_in_arguments_are_told_as_qemu_tells_them);

const TEXT: &str = include_str!("../../facts.txt");

/// Arguments with one error each, which QEMU refuses before it runs anything.
fn broken(arguments: &Value) -> Vec<Value> {
    let Value::Object(members) = arguments else { return Vec::new() };
    let mut all = Vec::new();
    let mut more = members.clone();
    more.insert("left-out".into(), json!(1));
    all.push(Value::Object(more));
    for name in members.keys() {
        let mut other = members.clone();
        // Nothing takes a list of lists.
        other.insert(name.clone(), json!([[1]]));
        all.push(Value::Object(other));
    }
    all
}

/// Whether QEMU said what its own schema tells, or named the type of the same member otherwise.
fn is_older(told: &str, known: &str, live: &str) -> bool {
    let place = |text: &str| text.rsplit_once(": ").map(|(place, _)| place.to_owned());
    told == live || told.ends_with("MergeSource") && place(told) == place(known)
}

/// A live schema has numbers for the names of alternates, and one type for all whole numbers.
fn is_close(told: &str, live: &str) -> bool {
    let (place, expected) = live.rsplit_once(' ').unwrap_or_default();
    let is_alternate = expected.parse::<u32>().is_ok() && told.starts_with(place);
    let number = told.replace("Parameter '", "Invalid parameter type for '");
    let number = number.replace(" expects uint64", ", expected: integer");
    told == live || is_alternate || number == live
}

fn errors_in_arguments_are_told_as_qemu_tells_them(suite: &Suite) {
    let facts = Facts::read(TEXT);
    let version = number(suite.version());
    let version = facts.versions.iter().position(|it| Some(*it) == version).unwrap();
    let mut server = Peer::qemu(suite);
    let schema: Schema = serde_json::from_str(&server.query("query-qmp-schema").unwrap()).unwrap();
    // `device_add`, and in 5.2 the others, take what the schema does not have.
    let wanted = |item: &&Item<'_>| {
        let untold = ["device_add", "object-add", "query-qmp-schema"].contains(&item.name);
        let known = item.versions.has(version) && schema.get(item.name).is_some();
        item.kind == Kind::Command && known && !untold
    };
    let (mut same, mut changed, mut differs) = (0, 0, Vec::new());
    for item in facts.items.iter().filter(wanted) {
        for seed in 0..2 {
            let made = Maker { facts: &facts, how: How::Of(version), seed }.item(item, 0);
            for wrong in broken(&made) {
                let known = BuiltIn.check_arguments(item.name, &wrong).err();
                // What may have any value cannot have a wrong one.
                let Some(known) = known.map(|it| it.to_string()) else { continue };
                let Some(Err(told)) = server.try_send(item.name, &wrong) else {
                    panic!("{} {wrong} was not refused", item.name);
                };
                let live = schema.check_arguments(item.name, &wrong).err();
                let live = live.map(|it| it.to_string()).unwrap_or_default();
                if told == known && is_close(&told, &live) {
                    same += 1;
                } else if is_older(&told, &known, &live) && !suite.is_newest() {
                    // The member has another type today, or its type another name.
                    changed += 1;
                } else {
                    differs.push(format!("{} {wrong}: {told}; {known}; {live}", item.name));
                }
            }
        }
    }
    assert!(differs.is_empty(), "{} beside {same}: {differs:#?}", differs.len());
    // 5.2 has 34: all but two of `MergeSource` are in the words of its own schema.
    assert!(same > 500 && changed <= 34, "{same} {changed}");
}
