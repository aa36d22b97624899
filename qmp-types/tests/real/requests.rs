//! Sends random arguments of every command to real servers, which never find a mistake of the types.

use std::collections::BTreeSet;

use conformance::server::{Suite, notice};
use serde_json::Value;

use crate::every::COMMANDS;
use crate::facts::{Facts, Item, Kind, number};
use crate::maker::{How, Maker};
use crate::server::Peer;

conformance::on_every_qemu!(
    no_request_to_a_system_emulator_is_malformed,
    no_request_to_a_storage_daemon_is_malformed,
    no_request_to_an_agent_is_malformed,
);

const TEXT: &str = include_str!("../../facts.txt");

/// The number of times that each command is sent, with different arguments.
const ROUNDS: u64 = 6;

/// Commands that end or stop the server, write files, start programs, open resources of the host, or
/// disturb this connection.
const DENIED: &[&str] = &[
    "add_client",
    "blockdev-create",
    "chardev-add",
    "chardev-change",
    "drive-backup",
    "drive-mirror",
    "dump-guest-memory",
    "dump-skeys",
    "dumpdtb",
    "human-monitor-command",
    "memsave",
    "migrate",
    "migrate-incoming",
    "migrate-recover",
    "nbd-server-start",
    "netdev_add",
    "pmemsave",
    "qmp_capabilities",
    "quit",
    "screendump",
    "snapshot-save",
    "watchdog-set-action",
    "x-colo-lost-heartbeat",
    "x-exit-preconfig",
    "xen-save-devices-state",
    "xen-load-devices-state",
];

/// The commands that are sent to the agent, which runs on the host: only queries.
const QUERIES: &[&str] = &["guest-exec-status", "guest-get-", "guest-info", "guest-network-get-"];

/// Errors of QEMU's own code about well-formed arguments, with the reason.
const EXCEPTIONS: &[(&str, &str, &str)] =
    &[("block-export-add", "'bitmaps[", "5.2 takes names alone; today it is a name or an object")];

/// Commands whose random arguments make the server crash: the server, its version, the command and the
/// reason.
const LOST: &[(&str, &str, &str, &str)] = &[
    ("qemu", "5.2", "transaction", NO_BITMAP),
    ("qemu", "7.2", "transaction", NO_BITMAP),
    ("qemu", "10.0", "transaction", NO_BITMAP),
    ("qemu", "11.1", "transaction", NO_BITMAP),
    ("daemon", "5.2", "transaction", NO_BITMAP),
    ("daemon", "7.2", "transaction", NO_BITMAP),
    ("daemon", "10.0", "transaction", NO_BITMAP),
    ("daemon", "11.1", "transaction", NO_BITMAP),
    ("daemon", "5.2", "query-events", "it aborts on `qapi_enum_lookup`"),
    ("qemu", "10.0", "object-add", "`colo-compare` aborts on `qemu_mutex_destroy`"),
];

const NO_BITMAP: &str = "`block-dirty-bitmap-enable` crashes if the bitmap does not exist";

/// Returns whether an error is caused by a mistake of the types.
fn is_malformed(command: &str, error: &str) -> bool {
    let malformed = ["' is unexpected", "Invalid parameter type", "' is missing"];
    let excepted = |(of, text, _): &(&str, &str, &str)| *of == command && error.contains(text);
    malformed.iter().any(|it| error.contains(it)) && !EXCEPTIONS.iter().any(excepted)
}

/// Sends arguments that have passed through the type of the command.
fn send_all(
    suite: &Suite,
    name: &str,
    start: impl Fn(&Suite) -> Peer,
    wanted: impl Fn(&Item<'_>) -> bool,
) -> usize {
    let facts = Facts::read(TEXT);
    let version = number(suite.version());
    let version = facts.versions.iter().position(|it| Some(*it) == version).unwrap();
    let is_command =
        |item: &&Item<'_>| item.kind == Kind::Command && item.versions.has(version) && wanted(item);
    let mut server = start(suite);
    let (mut sent, mut bad, mut lost) = (0, Vec::new(), BTreeSet::new());
    for item in facts.items.iter().filter(is_command) {
        let (_, through, _) = COMMANDS.iter().find(|(name, ..)| *name == item.name).unwrap();
        for seed in 0..ROUNDS {
            let made = Maker { facts: &facts, how: How::Of(version), seed }.item(item, 0);
            let arguments = match made.as_object() {
                Some(members) if members.is_empty() => Value::Null,
                _ => through(&made.to_string()).unwrap(),
            };
            match server.try_send(item.name, &arguments) {
                Some(Err(error)) if is_malformed(item.name, &error) => {
                    bad.push(format!("{} {arguments}: {error}", item.name));
                }
                Some(_) => {}
                None => {
                    let version = suite.version();
                    notice(&format!("{name} {version} lost by {} {arguments}", item.name));
                    lost.insert(item.name);
                    server = start(suite);
                }
            }
            sent += 1;
        }
    }
    assert!(bad.is_empty(), "{} of {sent}: {bad:#?}", bad.len());
    let listed = LOST.iter().filter(|it| (it.0, it.1) == (name, suite.version()));
    let listed: BTreeSet<&str> = listed.map(|(_, _, command, _)| *command).collect();
    assert_eq!(lost, listed, "the commands that lose the connection to {name}");
    sent
}

fn no_request_to_a_system_emulator_is_malformed(suite: &Suite) {
    let wanted =
        |item: &Item<'_>| item.module != "qga" && !item.conditional && !DENIED.contains(&item.name);
    let sent = send_all(suite, "qemu", Peer::qemu, wanted);
    assert!(sent > 700, "{sent}");
}

fn no_request_to_a_storage_daemon_is_malformed(suite: &Suite) {
    let wanted = |item: &Item<'_>| item.daemon && !DENIED.contains(&item.name);
    let sent = send_all(suite, "daemon", Peer::daemon, wanted);
    assert!(sent > 200, "{sent}");
}

fn no_request_to_an_agent_is_malformed(suite: &Suite) {
    let wanted = |item: &Item<'_>| {
        item.module == "qga"
            && !item.conditional
            && QUERIES.iter().any(|it| item.name.starts_with(it))
    };
    let sent = send_all(suite, "agent", Peer::agent, wanted);
    assert!(sent > 20, "{sent}");
}
