//! Whatever a query returns is read, and written again unchanged.

use conformance::server::Suite;
use serde_json::{Value, json};

use crate::every::COMMANDS;
use crate::facts::{Facts, Kind};
use crate::server::Asked;
use crate::through::same;

conformance::on_every_qemu!(
    replies_of_a_machine_are_read_and_written_again_unchanged,
    replies_without_what_is_deprecated_or_unstable_are_read,
    replies_of_a_storage_daemon_are_read_and_written_again_unchanged,
    replies_of_an_agent_are_read_and_written_again_unchanged,
);

const TEXT: &str = include_str!("../../facts.txt");

/// Queries that abort their server: assertions of its own.
const FATAL: [(&str, &str); 2] = [
    ("query-events", "aborts the storage daemon 5.2 (qapi_enum_lookup)"),
    ("x-query-virtio-status", "aborts 11.1.3 on a virtio-blk (visit_start_struct)"),
];

/// Replies that gain the tag which their version did not have yet.
const GAINS_TAG: [&str; 1] = ["query-sev"];

/// Asks all that can be asked without arguments; returns how much was answered.
fn ask_all(server: &mut Asked, prefixes: &[&str]) -> usize {
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
        let Ok(text) = server.ask(item.name) else { continue };
        unchanged(item.name, &text);
        answered += 1;
    }
    answered
}

/// Reads the value that a command returned, and writes it again.
fn unchanged(command: &str, text: &str) {
    let (_, _, through) = COMMANDS.iter().find(|(name, ..)| *name == command).unwrap();
    let value: Value = serde_json::from_str(text).unwrap();
    let again = through(text).unwrap_or_else(|error| panic!("{command}: {error}: {text}"));
    assert!(same(&value, &again), "{command}: {value} became {again}");
}

/// Queries with arguments; some versions lack some of them.
fn ask_more(server: &mut Asked) -> usize {
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
        let Ok(text) = server.ask_with(command, arguments) else { continue };
        unchanged(command, &text);
        answered += 1;
    }
    answered
}

fn replies_of_a_machine_are_read_and_written_again_unchanged(suite: &Suite) {
    let mut machine = Asked::machine(suite);
    let answered = ask_all(&mut machine, &["query-", "x-query-"]);
    assert!(answered >= 50, "{answered}");
    let jobs = machine.ask("query-block-jobs").unwrap();
    let exports = machine.ask("query-block-exports").unwrap();
    assert!(jobs.contains("j0") && exports.contains("e0"), "{jobs} {exports}");
    let answered = ask_more(&mut machine);
    assert!(answered >= 10, "{answered}");
}

/// A member that is deprecated or unstable may be absent though it is required.
fn replies_without_what_is_deprecated_or_unstable_are_read(suite: &Suite) {
    if suite.major() < 7 {
        println!("not run: QEMU {} has no -compat", suite.major());
        return;
    }
    let mut machine = Asked::reticent_machine(suite);
    let answered = ask_all(&mut machine, &["query-", "x-query-"]);
    assert!(answered >= 40, "{answered}");
    let schema = machine.ask("query-qmp-schema").unwrap();
    assert!(!schema.contains("\"values\""), "the deprecated member `values` was not hidden");
}

fn replies_of_a_storage_daemon_are_read_and_written_again_unchanged(suite: &Suite) {
    let answered = ask_all(&mut Asked::daemon(suite), &["query-", "x-query-"]);
    assert!(answered >= 11, "{answered}");
}

fn replies_of_an_agent_are_read_and_written_again_unchanged(suite: &Suite) {
    let answered =
        ask_all(&mut Asked::agent(suite), &["guest-get-", "guest-info", "guest-fsfreeze-status"]);
    assert!(answered >= 10, "{answered}");
}
