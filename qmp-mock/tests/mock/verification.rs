//! Expectations that were not met.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use qmp_mock::{Failure, Mock};
use serde_json::{Value, json};

#[test]
fn an_unused_rule_is_reported_with_its_location() {
    let mock = Mock::monitor();
    mock.on("cont").with(json!({"a": 1}));
    let complaint = mock.check().unwrap_err().to_string();
    let place = concat!(file!(), ":");
    assert!(
        complaint.starts_with(r#"`cont {"a":1}` was expected once and received never ("#),
        "{complaint}"
    );
    assert!(complaint.contains(place), "{complaint}");
}

#[test]
fn a_rule_used_too_rarely_is_reported_with_counts() {
    let mock = Mock::monitor();
    mock.on("cont").times(3);
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    qemu.execute("cont").run().unwrap();
    let complaint = mock.check().unwrap_err().to_string();
    assert!(
        complaint.starts_with("`cont` was expected 3 times and received once ("),
        "{complaint}"
    );
    qemu.execute("cont").run().unwrap();
    qemu.execute("cont").run().unwrap();
    mock.verify();
}

#[test]
fn each_turn_must_be_used() {
    let mock = Mock::monitor();
    mock.on("query-jobs").answer(1).then().answer(2);
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    qemu.execute("query-jobs").run().unwrap();
    assert!(mock.check().is_err());
    qemu.execute("query-jobs").run().unwrap();
    mock.verify();
}

#[test]
fn only_unexpected_commands_are_reported() {
    let mock = Mock::monitor();
    mock.on("maybe").optional();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    qemu.execute("query-version").run().unwrap();
    mock.verify();
    qemu.execute("eject").arguments(json!({"device": "cd"})).run().unwrap_err();
    let unmet = mock.check().unwrap_err();
    let complaints: Vec<&str> = unmet.complaints().collect();
    assert_eq!(complaints, [r#"unexpected command `eject {"device":"cd"}` of client 0"#]);
}

#[test]
#[should_panic(expected = "unexpected command `once`")]
fn a_command_that_comes_too_often_is_unexpected() {
    let mock = Mock::monitor();
    mock.on("once").once();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    qemu.execute("once").run().unwrap();
    qemu.execute("once").run().unwrap_err();
    mock.verify();
}

#[test]
fn an_invalid_command_is_reported() {
    let mock = Mock::monitor();
    let mut client = UnixStream::connect(mock.path()).unwrap();
    client.write_all(b"nonsense\n").unwrap();
    drop(client);
    // The next client is served after this one.
    qmp_blocking::connect(mock.address()).unwrap();
    let complaint = mock.check().unwrap_err().to_string();
    assert!(complaint.contains("client 0 sent bytes that are not JSON"), "{complaint}");
}

#[test]
fn client_text_cannot_forge_lines_of_the_report() {
    let mock = Mock::monitor();
    let mut client = UnixStream::connect(mock.path()).unwrap();
    let command = "{\"execute\":\"a\\n\\u001bb\",\n\"arguments\":{\"c\":\"\u{9b}\u{202e}\"}}\n";
    write!(client, "{{\"execute\":\"qmp_capabilities\"}}\n{command}").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    client.read_to_string(&mut String::new()).unwrap();
    let unmet = mock.check().unwrap_err();
    let expected = r#"unexpected command `a\n\u{1b}b {"c":"\u009b\u202e"}` of client 0"#;
    assert_eq!(unmet.complaints().collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_closure_that_panics_fails_the_test_and_not_the_mock() {
    let mock = Mock::monitor();
    mock.on("x").answer_with(|command| -> Result<Value, Failure> {
        panic!("as {} is to do", command.name());
    });
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let error = qemu.execute("x").run().unwrap_err();
    assert!(error.to_string().contains("panicked"), "{error}");
    qemu.execute("query-status").run().unwrap();
    let complaint = mock.check().unwrap_err().to_string();
    assert_eq!(complaint, "the closure that answers `x` of client 0 panicked");
}
