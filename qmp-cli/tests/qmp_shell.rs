//! The same 60 lines for Python's `qmp-shell` and for this program: which commands arrive.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod cli;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use qmp_mock::Mock;
use serde_json::Value;

use cli::with_input;

/// Lines that both understand alike.
const ALIKE: [&str; 39] = [
    "query-status",
    "query-block",
    "stop",
    "cont",
    "device_del id=net0",
    "device_add driver=virtio-net-pci id=net0",
    "balloon value=1073741824",
    "block_resize device=d0 size=1024",
    "set_link name=n0 up=true",
    "set_link name=n0 up=false",
    "blockdev-del node-name=d0",
    "blockdev-add driver=null-co node-name=d0 size=1048576",
    "blockdev-backup job-id=j device=d0 target=d1 sync=full",
    "block-job-cancel device=j force=true",
    "job-dismiss id=j",
    "job-cancel id=j",
    "query-named-block-nodes flat=true",
    "human-monitor-command command-line=help",
    "human-monitor-command command-line=info cpu-index=0",
    "qom-list path=/machine",
    "qom-get path=/machine property=type",
    "qom-list-types implements=device abstract=false",
    "device-list-properties typename=pc-dimm",
    "object-add qom-type=iothread id=t0",
    "object-del id=t0",
    "chardev-remove id=c0",
    "migrate uri=tcp:localhost:4444",
    "migrate-set-parameters max-bandwidth=67108864",
    "screendump filename=/tmp/x.ppm",
    "getfd fdname=a",
    "closefd fdname=a",
    "remove-fd fdset-id=1",
    "nbd-server-stop",
    "system_reset",
    "system_powerdown",
    "query-qmp-schema",
    "guest-ping",
    "migrate-set-parameters max-bandwidth=-0",
    "x-unknown key=text",
];

/// Lines that `qmp-shell` understands otherwise or not at all: what arrives from it, what arrives
/// from us, and why. Nothing arrives where there is no command.
const DIFFERENT: [(&str, &str, &str, &str); 21] = [
    (
        "blockdev-add file.driver=null-co file.size=1 node-name=n driver=raw",
        r#"blockdev-add {"file": {"driver": "null-co", "file": {"size": 1, "node-name": "n", "driver": "raw"}}}"#,
        r#"blockdev-add {"file": {"driver": "null-co", "size": 1}, "node-name": "n", "driver": "raw"}"#,
        "later keys fall into the last object",
    ),
    (
        "device_del id=007",
        r#"device_del {"id": 7}"#,
        r#"device_del {"id": "007"}"#,
        "text that looks like a number",
    ),
    (
        "device_del id=1_000",
        r#"device_del {"id": 1000}"#,
        r#"device_del {"id": "1_000"}"#,
        "text that looks like Python",
    ),
    (
        "device_del id=true",
        r#"device_del {"id": true}"#,
        r#"device_del {"id": "true"}"#,
        "text that looks like a boolean",
    ),
    (
        "device_del id='a b'",
        r#"device_del {"id": "'a b'"}"#,
        r#"device_del {"id": "a b"}"#,
        "quotes stay in the value",
    ),
    (
        "device_del id=\"a b\"",
        r#"device_del {"id": "\"a b\""}"#,
        r#"device_del {"id": "a b"}"#,
        "quotes stay in the value",
    ),
    (
        "human-monitor-command command-line='info version'",
        r#"human-monitor-command {"command-line": "'info version'"}"#,
        r#"human-monitor-command {"command-line": "info version"}"#,
        "quotes stay in the value",
    ),
    (
        "set_link name=n up=on",
        r#"set_link {"name": "n", "up": "on"}"#,
        r#"set_link {"name": "n", "up": true}"#,
        "a boolean as QEMU's options have it",
    ),
    (
        "balloon value=1G",
        r#"balloon {"value": "1G"}"#,
        r#"balloon {"value": 1073741824}"#,
        "a size as QEMU's options have it",
    ),
    (
        "balloon value=0x10",
        r#"balloon {"value": "0x10"}"#,
        r#"balloon {"value": 16}"#,
        "a hexadecimal number",
    ),
    (
        "x-unknown key=1.5",
        r#"x-unknown {"key": "1.5"}"#,
        r#"x-unknown {"key": 1.5}"#,
        "a number that is not an integer",
    ),
    ("x-unknown key=null", r#"x-unknown {"key": "null"}"#, r#"x-unknown {"key": null}"#, "null"),
    (
        "x-unknown key={'a':1}",
        r#"x-unknown {"key": {"a": 1}}"#,
        r#"x-unknown {"key": "{a:1}"}"#,
        "Python is not JSON, and quotes are the shell's",
    ),
    (
        "x-unknown key={\"a\":1}",
        r#"x-unknown {"key": {"a": 1}}"#,
        r#"x-unknown {"key": "{a:1}"}"#,
        "quotes are the shell's",
    ),
    (
        "x-unknown 'key:={\"a\": [1, 2]}'",
        r#"x-unknown {"'key:": "{\"a\": [1, 2]}'"}"#,
        r#"x-unknown {"key": {"a": [1, 2]}}"#,
        "JSON, and quotes that stay",
    ),
    ("{\"execute\": \"query-name\", \"id\": 1}", "", "query-name {}", "whole messages are refused"),
    (
        "transaction actions[].type=abort actions[0].data:={}",
        r#"transaction {"actions[]": {"type": "abort", "actions[0]": {"data:": {}}}}"#,
        r#"transaction {"actions": [{"type": "abort", "data": {}}]}"#,
        "lists",
    ),
    (
        "blockdev-add file.driver=null-co driver=raw",
        "",
        r#"blockdev-add {"file": {"driver": "null-co"}, "driver": "raw"}"#,
        "later keys fall into the last object, where this one is set already",
    ),
    ("device_del id", "", "", "not a word"),
    ("device_del id=a id=b", "", "", "a key that is set twice"),
    ("balloon value=much", r#"balloon {"value": "much"}"#, "", "refused before it is sent"),
];

/// The commands that a mock received from a run, but for what a client asks by itself.
fn received(mock: &Mock) -> Vec<(String, Value)> {
    let commands = mock.received().into_iter().filter(|it| it.name() != "query-commands");
    let of = |command: &qmp_mock::ReceivedCommand| {
        (command.name().to_owned(), command.decode::<Value>().unwrap())
    };
    commands.map(|command| of(&command)).collect()
}

fn expected(text: &str) -> Vec<(String, Value)> {
    match text.split_once(' ') {
        Some((name, arguments)) => {
            vec![(name.to_owned(), serde_json::from_str(arguments).unwrap())]
        }
        None => Vec::new(),
    }
}

/// Types a line into `qmp-shell`.
fn typed(program: &Path, line: &str) -> Vec<(String, Value)> {
    let mock = Mock::monitor();
    let home = tempfile::tempdir().unwrap();
    let mut shell = Command::new(program);
    shell.arg(mock.path()).env("HOME", home.path());
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut shell = shell.spawn().unwrap();
    shell.stdin.take().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    shell.wait_with_output().unwrap();
    received(&mock)
}

fn ours(line: &str) -> Vec<(String, Value)> {
    let mock = Mock::monitor();
    with_input(&mock, &["-", "--no-schema"], &format!("{line}\n"));
    received(&mock)
}

fn qmp_shell() -> Option<PathBuf> {
    let file = match env::var_os("QMP_TEST_PYTHON") {
        Some(file) => PathBuf::from(file),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python/programs"),
    };
    let programs = fs::read_to_string(&file).unwrap_or_else(|error| {
        panic!("run `cargo xtask python` first ({}: {error})", file.display())
    });
    if programs.starts_with("not run") {
        conformance::server::notice(&format!("Python: {programs}"));
        return None;
    }
    Some(Path::new(programs.trim_end()).join("qmp-shell"))
}

#[test]
fn what_we_send_for_each_line() {
    for (line, _, sent, why) in DIFFERENT {
        assert_eq!(ours(line), expected(sent), "{line}: {why}");
    }
    for line in ALIKE {
        assert_eq!(ours(line).len(), 1, "{line}");
    }
}

#[test]
fn qmp_shell_sends_the_same_but_for_the_listed_lines() {
    let Some(program) = qmp_shell() else { return };
    let (mut wrong, all) = (Vec::new(), ALIKE.len() + DIFFERENT.len());
    assert_eq!(all, 60);
    for line in ALIKE {
        let (theirs, ours) = (typed(&program, line), ours(line));
        if theirs != ours {
            wrong.push(format!("{line}: {theirs:?} is not {ours:?}"));
        }
    }
    for (line, sent, _, why) in DIFFERENT {
        let theirs = typed(&program, line);
        if theirs != expected(sent) {
            wrong.push(format!("{line} ({why}): {theirs:?} is not {sent}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
