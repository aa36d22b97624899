//! Round trips of the replies to all queries.

use conformance::server::{Suite, notice};
use serde_json::{Value, json};

use crate::every::COMMANDS;
use crate::facts::{Facts, Kind};
use crate::server::Peer;
use crate::through::same;

conformance::on_every_qemu!(
    replies_of_a_machine_survive_a_round_trip,
    replies_without_deprecated_and_unstable_members_survive_a_round_trip,
    replies_of_a_storage_daemon_survive_a_round_trip,
    replies_of_an_agent_survive_a_round_trip,
);

const TEXT: &str = include_str!("../../facts.txt");

/// Queries that make their server abort with a failed assertion.
const FATAL: [(&str, &str); 2] = [
    ("query-events", "aborts the storage daemon 5.2 (qapi_enum_lookup)"),
    ("x-query-virtio-status", "aborts 11.1.3 on a virtio-blk (visit_start_struct)"),
];

/// Replies that gain a tag, because their version did not have it yet.
const GAINS_TAG: [&str; 1] = ["query-sev"];

/// Sends all queries that need no arguments, and returns the number of replies.
fn query_all(server: &mut Peer, prefixes: &[&str]) -> usize {
    let facts = Facts::read(TEXT);
    let mut answered = 0;
    for item in facts.items.iter().filter(|item| item.kind == Kind::Command) {
        let needs_none = item.arguments.is_none()
            && item.members.iter().all(|member| !member.optional.is_empty());
        let is_query = prefixes.iter().any(|prefix| item.name.starts_with(prefix));
        let fatal = FATAL.iter().any(|(name, _)| *name == item.name);
        if !needs_none || !is_query || fatal || GAINS_TAG.contains(&item.name) {
            continue;
        }
        let Ok(text) = server.query(item.name) else { continue };
        unchanged(item.name, &text);
        answered += 1;
    }
    answered
}

/// Checks that the return value of a command survives a round trip.
fn unchanged(command: &str, text: &str) {
    let (_, _, through) = COMMANDS.iter().find(|(name, ..)| *name == command).unwrap();
    let value: Value = serde_json::from_str(text).unwrap();
    let again = through(text).unwrap_or_else(|error| panic!("{command}: {error}: {text}"));
    assert!(same(&value, &again), "{command}: {value} became {again}");
}

/// Sends queries with arguments, and returns the number of replies. Some versions lack some of them.
fn query_with_arguments(server: &mut Peer) -> usize {
    let questions = [
        ("query-named-block-nodes", json!({"flat": true})),
        ("query-blockstats", json!({"query-nodes": true})),
        ("query-stats", json!({"target": "vm"})),
        ("query-cpu-model-expansion", json!({"type": "full", "model": {"name": "qemu64"}})),
        ("qom-list", json!({"path": "/machine/peripheral"})),
        ("qom-list-types", json!({"implements": "device"})),
        ("qom-list-properties", json!({"typename": "virtio-blk-pci"})),
        ("qom-get", json!({"path": "/machine/peripheral/d0", "property": "type"})),
        ("device-list-properties", json!({"typename": "virtio-blk-pci"})),
        ("x-query-virtio-queue-status", json!({"path": "/machine/peripheral/nic0", "queue": 0})),
        ("trace-event-get-state", json!({"name": "*"})),
        ("ringbuf-read", json!({"device": "r0", "size": 16, "format": "base64"})),
        ("human-monitor-command", json!({"command-line": "info block"})),
    ];
    let mut answered = 0;
    for (command, arguments) in &questions {
        let Ok(text) = server.query_with(command, arguments) else { continue };
        unchanged(command, &text);
        answered += 1;
    }
    answered
}

fn replies_of_a_machine_survive_a_round_trip(suite: &Suite) {
    let mut machine = Peer::machine(suite);
    let answered = query_all(&mut machine, &["query-", "x-query-"]);
    assert!(answered >= 50, "{answered}");
    let jobs = machine.query("query-block-jobs").unwrap();
    let exports = machine.query("query-block-exports").unwrap();
    assert!(jobs.contains("j0") && exports.contains("e0"), "{jobs} {exports}");
    let answered = query_with_arguments(&mut machine);
    assert!(answered >= 10, "{answered}");
}

/// With `-compat`, deprecated and unstable members are absent even if they are required.
fn replies_without_deprecated_and_unstable_members_survive_a_round_trip(suite: &Suite) {
    if suite.major() < 7 {
        notice(&format!("not run: QEMU {} has no -compat", suite.version()));
        return;
    }
    let mut machine = Peer::machine_without_deprecated(suite);
    let answered = query_all(&mut machine, &["query-", "x-query-"]);
    assert!(answered >= 40, "{answered}");
    let schema = machine.query("query-qmp-schema").unwrap();
    assert!(!schema.contains("\"values\""), "the deprecated member `values` was not hidden");
}

fn replies_of_a_storage_daemon_survive_a_round_trip(suite: &Suite) {
    let answered = query_all(&mut Peer::daemon(suite), &["query-", "x-query-"]);
    assert!(answered >= 11, "{answered}");
}

fn replies_of_an_agent_survive_a_round_trip(suite: &Suite) {
    let answered =
        query_all(&mut Peer::agent(suite), &["guest-get-", "guest-info", "guest-fsfreeze-status"]);
    assert!(answered >= 10, "{answered}");
}
