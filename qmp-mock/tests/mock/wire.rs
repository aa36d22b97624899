//! Bytes that no server should send.

use std::time::Duration;

use qmp_mock::Mock;
use serde_json::Value;

use crate::reading::Reading as _;

const PLENTY: Duration = Duration::from_secs(30);

#[test]
fn bytes_are_sent_in_order_with_replies() {
    let mock = Mock::monitor();
    mock.on("x").bytes(*b"{]\r\n").answer(1);
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let error = qemu.execute("x").run().unwrap_err();
    assert!(error.to_string().contains("JSON"), "{error}");
}

#[test]
fn bytes_can_come_at_any_time() {
    let mock = Mock::monitor();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let pieces = qemu.event().timeout(PLENTY);
    mock.bytes(*b"{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, ");
    mock.bytes(*b"\"event\": \"PIECES\"}\r\n");
    assert_eq!(pieces.run().unwrap().name(), "PIECES");
}

#[test]
fn events_of_the_client_before_are_found_before_the_greeting() {
    let mock = Mock::monitor();
    mock.next_client().bytes_first(*b"{\"event\": \"STALE\"}\r\n");
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let mut events = qemu.events().with_backlog().subscribe();
    assert_eq!(events.event().timeout(PLENTY).run().unwrap().name(), "STALE");
    assert_eq!(
        qemu.execute("query-name").read::<Value>().unwrap(),
        Value::Object(Default::default())
    );
}

#[test]
fn a_reply_with_an_unknown_id_is_ignored() {
    let mock = Mock::monitor();
    mock.on("x").bytes(*b"{\"return\": 1, \"id\": \"stale\"}\r\n").answer(2);
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    assert_eq!(qemu.execute("x").read::<Value>().unwrap(), 2);
}
