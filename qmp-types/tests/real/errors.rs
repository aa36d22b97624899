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

/// Members that had another type in older versions, whose errors therefore differ.
struct Change {
    versions: &'static [&'static str],
    /// As `command.member`, with the member as in the error.
    members: &'static [&'static str],
    #[expect(dead_code, reason = "for the reader")]
    reason: &'static str,
}

const CHANGED: [Change; 6] = [
    Change {
        versions: &["5.2", "7.2", "10.0"],
        members: &["block-export-add.iothread"],
        reason: "a string became an alternate of a string and a list of strings",
    },
    Change {
        versions: &["5.2", "7.2"],
        members: &["memsave.size", "memsave.val", "pmemsave.size", "pmemsave.val"],
        reason: "`int` became `uint64` or `size`",
    },
    Change {
        versions: &["5.2"],
        members: &[
            "migrate-set-parameters.compress-threads",
            "migrate-set-parameters.cpu-throttle-increment",
            "migrate-set-parameters.decompress-threads",
            "migrate-set-parameters.max-bandwidth",
            "migrate-set-parameters.max-cpu-throttle",
            "migrate-set-parameters.multifd-channels",
            "migrate-set-parameters.multifd-zlib-level",
            "migrate-set-parameters.multifd-zstd-level",
            "migrate-set-parameters.x-checkpoint-delay",
        ],
        reason: "`int` became an unsigned type",
    },
    Change {
        versions: &["5.2"],
        members: &[
            "expire_password.left-out",
            "expire_password.time",
            "set_password.left-out",
            "set_password.password",
        ],
        reason: "`protocol` became an enum, whose value is checked before the other members",
    },
    Change {
        versions: &["5.2"],
        members: &["block-export-add.bitmaps[0]"],
        reason: "a list of strings became a list of an alternate of a string and an object",
    },
    Change {
        versions: &["5.2"],
        members: &["block-dirty-bitmap-merge.null"],
        reason: "the alternate `BlockDirtyBitmapMergeSource` was renamed to `BlockDirtyBitmapOrStr`",
    },
];

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

/// Returns the members whose errors differ in this version.
fn listed(suite: &Suite) -> BTreeSet<&'static str> {
    let changes = CHANGED.iter().filter(|change| change.versions.contains(&suite.version()));
    changes.flat_map(|change| change.members).copied().collect()
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
    let listed = listed(suite);
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
                } else if listed.contains(member.as_str()) {
                    changed.insert(member);
                } else {
                    differs.push(format!("{member} {wrong}: {error}; {known}; {live}"));
                }
            }
        }
    }
    assert!(differs.is_empty(), "{} in addition to {same}: {differs:#?}", differs.len());
    assert!(same > 500, "{same}");
    let changed: BTreeSet<&str> = changed.iter().map(String::as_str).collect();
    assert_eq!(changed, listed, "only members whose errors differ are in the list");
}
