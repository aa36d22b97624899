//! The two programs that the README compares: with our types, and with those of `qapi`.

// clippy.toml allows it in tests, but not in their shared code.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::path::PathBuf;

use qmp_mock::Mock;
use serde_json::{Value, json};

mod ours {
    include!(concat!(env!("OUT_DIR"), "/ours.rs"));
}

mod qapi_program {
    include!(concat!(env!("OUT_DIR"), "/qapi.rs"));
}

thread_local! {
    static SOCKET: RefCell<PathBuf> = RefCell::default();
}

/// The socket that a program connects to.
fn socket() -> PathBuf {
    SOCKET.with_borrow(Clone::clone)
}

fn address() -> String {
    format!("unix:{}", socket().display())
}

/// Returns the commands that a program sends, except `query-version`, which `qapi` sends to read
/// events.
fn commands(program: impl FnOnce()) -> Vec<(String, Value)> {
    let mock = Mock::monitor();
    // `qapi` requires `singlestep`, which QEMU no longer has.
    mock.on("query-status")
        .answer(json!({"status": "paused", "running": false, "singlestep": false}));
    mock.on("blockdev-add").return_empty();
    let deleted = json!({"device": "net0", "path": "/machine/peripheral/net0"});
    mock.on("device_del").return_empty().event("DEVICE_DELETED", deleted);
    SOCKET.set(mock.path().to_owned());
    program();
    mock.verify();
    let received = mock.received();
    let commands = received.iter().filter(|command| command.name() != "query-version");
    let arguments = |text: &str| serde_json::from_str(text).unwrap();
    commands
        .map(|command| {
            let with = command.arguments().map_or(Value::Null, |json| arguments(json.as_str()));
            (command.name().to_owned(), with)
        })
        .collect()
}

#[test]
fn both_programs_send_the_same_commands() {
    let disk = json!({
        "driver": "file", "node-name": "disk0", "read-only": true, "filename": "/disk.raw",
    });
    let expected = [
        ("query-status".to_owned(), Value::Null),
        ("blockdev-add".to_owned(), disk),
        ("device_del".to_owned(), json!({"id": "net0"})),
    ];
    assert_eq!(commands(|| ours::main().unwrap()), expected);
    let mut theirs = commands(|| qapi_program::main().unwrap());
    // It sends empty arguments with commands that have none.
    theirs[0].1 = Value::Null;
    assert_eq!(theirs, expected);
}
