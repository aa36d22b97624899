//! The program with a mock server: output, errors and exit codes.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

mod cli;

use qmp_mock::{ErrorClass, Mock};
use serde_json::json;

use cli::qmp;

#[test]
fn the_value_is_all_that_is_printed() {
    let mock = Mock::monitor();
    mock.on("query-status").answer(json!({"status": "paused", "running": false}));
    mock.on("query-name").event("STOP", ()).answer(json!({}));
    let run = qmp(&mock, &["query-status"]);
    assert_eq!(run.all(), (0, "{\"running\":false,\"status\":\"paused\"}\n", ""));
    assert_eq!(qmp(&mock, &["query-name"]).all(), (0, "{}\n", ""));
    let run = qmp(&mock, &["query-status", "-p"]);
    assert_eq!(run.all(), (0, "{\n  \"running\": false,\n  \"status\": \"paused\"\n}\n", ""));
    mock.verify();
}

#[test]
fn arguments_have_the_types_of_the_vocabulary() {
    let mock = Mock::monitor();
    let arguments = json!({
        "driver": "qcow2", "node-name": "7", "read-only": true,
        "file": {"driver": "file", "filename": "/x y"},
    });
    mock.on("blockdev-add").with(arguments).return_empty();
    let words = ["blockdev-add", "driver=qcow2", "node-name=7", "read-only=on", "file.driver=file"];
    let run = qmp(&mock, &[&words[..], &["file.filename=/x y"]].concat());
    assert_eq!(run.all(), (0, "{}\n", ""));
    mock.verify();
}

#[test]
fn an_error_reply_is_exit_code_1_on_one_line() {
    let mock = Mock::monitor();
    mock.on("device_del")
        .return_error(ErrorClass::DeviceNotFound, "Device '\u{1b}[2J\n' not found");
    let run = qmp(&mock, &["device_del", "id=x"]);
    let text = format!(
        "device_del: DeviceNotFound: Device '\\u{{1b}}[2J\\n' not found ({})\n",
        mock.address()
    );
    assert_eq!(run.all(), (1, "", text.as_str()));
    let run = qmp(&mock, &["query-staus"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("; is query-status meant?\n"), "{}", run.stderr);
}

#[test]
fn a_whole_message_gets_a_whole_reply_with_its_id() {
    let mock = Mock::monitor();
    let run = qmp(&mock, &[r#"{"execute": "query-name", "id": ["a", 1]}"#]);
    assert_eq!(run.all(), (0, "{\"return\": {}, \"id\": [\"a\", 1]}\n", ""));
    let run = qmp(&mock, &[r#"{"execute": "nope", "id": 1e3}"#]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("\"error\"") && run.stdout.contains("1e3"), "{}", run.stdout);
    assert!(run.stderr.starts_with("nope: CommandNotFound"), "{}", run.stderr);
}
