//! Random arguments of every command, sent to real servers: nothing in them is a mistake of the types.

use conformance::server::Suite;
use serde_json::Value;

use crate::every::COMMANDS;
use crate::facts::{Facts, Item, Kind, number};
use crate::maker::{How, Maker};
use crate::server::Asked;

conformance::on_every_qemu!(
    no_request_to_a_system_emulator_is_malformed,
    no_request_to_a_storage_daemon_is_malformed,
    no_request_to_an_agent_is_malformed,
);

const TEXT: &str = include_str!("../../facts.txt");

/// How often each command is sent, with other arguments each time.
const ROUNDS: u64 = 6;

/// Commands that end the server, stop it, write files, start programs, open what belongs to the host,
/// or that this connection needs.
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

/// Of the agent, which runs on the host, only what asks.
const ASKS: &[&str] = &["guest-exec-status", "guest-get-", "guest-info", "guest-network-get-"];

/// What QEMU's own code says about arguments that are well formed, and why.
const EXCEPTIONS: &[(&str, &str, &str)] =
    &[("block-export-add", "'bitmaps[", "5.2 takes names alone; today it is a name or an object")];

/// A fault of the types, if this error is one.
fn is_malformed(command: &str, error: &str) -> bool {
    let malformed = ["' is unexpected", "Invalid parameter type", "' is missing"];
    let excepted = |(of, text, _): &(&str, &str, &str)| *of == command && error.contains(text);
    malformed.iter().any(|it| error.contains(it)) && !EXCEPTIONS.iter().any(excepted)
}

/// Sends arguments that were read as the command's type and written by it.
fn send_all(
    suite: &Suite,
    start: impl Fn(&Suite) -> Asked,
    wanted: impl Fn(&Item<'_>) -> bool,
) -> usize {
    let facts = Facts::read(TEXT);
    let version = number(suite.version());
    let version = facts.versions.iter().position(|it| Some(*it) == version).unwrap();
    let is_command =
        |item: &&Item<'_>| item.kind == Kind::Command && item.versions.has(version) && wanted(item);
    let mut server = start(suite);
    let (mut sent, mut bad, mut lost) = (0, Vec::new(), Vec::new());
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
                    lost.push(format!("{} {arguments}", item.name));
                    server = start(suite);
                }
            }
            sent += 1;
        }
    }
    assert!(bad.is_empty(), "{} of {sent}: {bad:#?}", bad.len());
    // Random arguments may run into an assertion of QEMU's, or into something that blocks.
    assert!(lost.len() <= 8, "{lost:#?}");
    sent
}

fn no_request_to_a_system_emulator_is_malformed(suite: &Suite) {
    let wanted =
        |item: &Item<'_>| item.module != "qga" && !item.conditional && !DENIED.contains(&item.name);
    let sent = send_all(suite, Asked::qemu, wanted);
    assert!(sent > 700, "{sent}");
}

fn no_request_to_a_storage_daemon_is_malformed(suite: &Suite) {
    let wanted = |item: &Item<'_>| item.daemon && !DENIED.contains(&item.name);
    let sent = send_all(suite, Asked::daemon, wanted);
    assert!(sent > 200, "{sent}");
}

fn no_request_to_an_agent_is_malformed(suite: &Suite) {
    let wanted = |item: &Item<'_>| {
        item.module == "qga" && !item.conditional && ASKS.iter().any(|it| item.name.starts_with(it))
    };
    let sent = send_all(suite, Asked::agent, wanted);
    assert!(sent > 20, "{sent}");
}
