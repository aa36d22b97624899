//! Greeting and capabilities.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use qmp_blocking::Version;
use qmp_mock::Mock;
use serde_json::{Value, json};

use crate::reading::Reading as _;

#[test]
fn the_version_is_greeted_with_and_answered() {
    let mock = Mock::builder().version(Version::new(8, 2, 1)).package("my build").start();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    assert_eq!(qemu.version().unwrap(), Version::new(8, 2, 1));
    let version: Value = qemu.execute("query-version").read().unwrap();
    let expected = json!({"qemu": {"major": 8, "minor": 2, "micro": 1}, "package": "my build"});
    assert_eq!(version, expected);
}

#[test]
fn oob_is_offered_by_default() {
    for offered in [true, false] {
        let mock = Mock::builder().out_of_band(offered).start();
        let qemu = qmp_blocking::connect(mock.address()).unwrap();
        assert_eq!(qemu.greeting().unwrap().offers("oob"), offered);
    }
}

#[test]
fn a_greeting_of_the_tests_own_is_sent() {
    let greeting = r#"{"QMP": {"version": {}, "capabilities": [], "x": "y"}}"#;
    let mock = Mock::builder().greeting(greeting).start();
    let client = UnixStream::connect(mock.path()).unwrap();
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).unwrap();
    assert_eq!(line, format!("{greeting}\r\n"));
}

#[test]
#[should_panic(expected = "a greeting must be a JSON object")]
fn greeting_panics_unless_given_an_object() {
    Mock::builder().greeting("[]");
}

#[test]
fn pretty_messages_have_many_lines() {
    let mock = Mock::builder().pretty(true).start();
    let mut client = UnixStream::connect(mock.path()).unwrap();
    client.write_all(b"{\"execute\":\"qmp_capabilities\"}").unwrap();
    let mut lines = BufReader::new(client).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "{");
    assert_eq!(lines.next().unwrap().unwrap(), "    \"QMP\": {");
    drop(lines);
    // Our client can read them, too.
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    qemu.execute("query-version").run().unwrap();
}
