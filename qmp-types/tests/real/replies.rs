//! Whatever a query returns is read, and written again unchanged.

use conformance::server::Suite;
use serde_json::Value;

use crate::every::COMMANDS;
use crate::facts::{Facts, Kind};
use crate::server::Asked;
use crate::through::same;

conformance::on_every_qemu!(
    replies_of_a_machine_are_read_and_written_again_unchanged,
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
        let (_, _, through) = COMMANDS.iter().find(|(name, ..)| *name == item.name).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let again = through(&text).unwrap_or_else(|error| panic!("{}: {error}: {text}", item.name));
        assert!(same(&value, &again), "{}: {value} became {again}", item.name);
        answered += 1;
    }
    answered
}

fn replies_of_a_machine_are_read_and_written_again_unchanged(suite: &Suite) {
    let answered = ask_all(&mut Asked::machine(suite), &["query-", "x-query-"]);
    assert!(answered >= 50, "{answered}");
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
