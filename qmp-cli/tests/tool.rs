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

#[test]
fn the_schema_is_asked_for_only_if_a_type_is_unknown() {
    let mock = Mock::monitor();
    let schema = json!([
        {"name": "x-new", "meta-type": "command", "arg-type": "1", "ret-type": "0"},
        {"name": "0", "meta-type": "object", "members": []},
        {"name": "1", "meta-type": "object", "members": [
            {"name": "text", "type": "str"}, {"name": "flag", "type": "bool"},
            {"name": "list", "type": "2"}]},
        {"name": "2", "meta-type": "array", "element-type": "3"},
        {"name": "3", "meta-type": "object", "members": [{"name": "n", "type": "int"}]},
        {"name": "str", "meta-type": "builtin", "json-type": "string"},
        {"name": "int", "meta-type": "builtin", "json-type": "int"},
        {"name": "bool", "meta-type": "builtin", "json-type": "boolean"},
    ]);
    mock.on("query-qmp-schema").answer(schema);
    mock.on("x-new").with(json!({"text": "1", "flag": true, "list": [{"n": 1024}]})).return_empty();
    mock.on("x-new").with(json!({"text": "abc"})).return_empty();
    mock.on("x-new").with(json!({"text": 1})).return_empty();
    mock.on("balloon").with(json!({"value": 1})).return_empty();
    let quiet = (0, "{}\n", "");
    assert_eq!(qmp(&mock, &["x-new", "text=1", "flag=on", "list[].n=1K"]).all(), quiet);
    assert_eq!(mock.received(), ["query-qmp-schema", "x-new"]);
    assert_eq!(qmp(&mock, &["x-new", "text=abc"]).all(), quiet);
    assert_eq!(qmp(&mock, &["balloon", "value=1"]).all(), quiet);
    let guessed = qmp(&mock, &["x-new", "text=1", "--no-schema"]);
    assert_eq!((guessed.code, guessed.stderr.lines().count()), (0, 1), "{guessed:?}");
    let strict = qmp(&mock, &["x-new", "other=1", "--strict-types"]);
    assert_eq!(strict.code, 2, "{strict:?}");
    let commands = ["x-new", "balloon", "x-new", "query-qmp-schema"];
    assert_eq!(mock.received()[2..], commands, "the last command was not sent");
}

#[test]
fn a_server_that_prints_several_lines_is_shown_on_one() {
    let mock = Mock::builder().pretty(true).start();
    mock.on("query-x").event("STOP", ()).answer(json!({"a": [1, {}], "b": "c"}));
    assert_eq!(qmp(&mock, &["query-x"]).stdout, "{\"a\": [1, {}], \"b\": \"c\"}\n");
    let whole = qmp(&mock, &["{\"execute\": \"query-x\", \"id\": 1}"]);
    assert_eq!(whole.stdout, "{\"return\": {\"a\": [1, {}], \"b\": \"c\"}, \"id\": 1}\n");
    let event = qmp(&mock, &["wait", "STOP", "--", "query-x"]);
    assert_eq!(event.stdout.lines().count(), 1, "{event:?}");
}
