//! Closed connections, at every point.

use std::io::Read;
use std::time::Duration;

use qmp_blocking::Error;
use qmp_mock::Mock;
use serde_json::{Value, json};

use crate::reading::Reading as _;

const PLENTY: Duration = Duration::from_secs(30);

fn unanswered(error: &Error) -> bool {
    error.is_disconnected() && error.failure().is_none()
}

#[test]
fn a_hang_up_before_the_answer_leaves_the_command_unanswered() {
    let mock = Mock::monitor();
    mock.on("x").event("LAST", ()).hang_up();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let last = qemu.event().named("LAST").timeout(PLENTY);
    let error = qemu.execute("x").run().unwrap_err();
    assert!(unanswered(&error), "{error}");
    assert_eq!(last.run().unwrap().name(), "LAST");
}

#[test]
fn a_hang_up_after_the_answer_comes_after_the_answer() {
    let mock = Mock::monitor();
    mock.on("x").answer(7).hang_up();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    assert_eq!(qemu.execute("x").read::<Value>().unwrap(), 7);
    assert!(unanswered(&qemu.execute("x").run().unwrap_err()));
}

#[test]
fn an_answer_is_cut_at_every_byte() {
    let whole = "{\"return\": [\"abc\"], \"id\": ";
    for cut in 0..whole.len() {
        let mock = Mock::monitor();
        mock.on("x").answer(json!(["abc"])).cut_after(cut);
        let qemu = qmp_blocking::connect(mock.address()).unwrap();
        let error = qemu.execute("x").run().unwrap_err();
        assert!(unanswered(&error), "cut after {cut}: {error}");
    }
}

#[test]
fn the_stream_is_cut_at_every_byte_of_the_greeting() {
    let mock = Mock::monitor();
    let mut greeting = Vec::new();
    mock.next_client().hang_up_after_greeting();
    mock.connect().read_to_end(&mut greeting).unwrap();
    assert!(greeting.starts_with(b"{\"QMP\": ") && greeting.ends_with(b"}}\r\n"));
    for cut in 0..greeting.len() {
        mock.next_client().hang_up_at(cut as u64);
        let mut received = Vec::new();
        mock.connect().read_to_end(&mut received).unwrap();
        assert_eq!(received, greeting[..cut]);
    }
}

#[test]
fn hang_up_closes_all_connections() {
    let mock = Mock::monitor();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let last = qemu.event().timeout(PLENTY);
    mock.event("LAST", ());
    mock.hang_up();
    assert_eq!(last.run().unwrap().name(), "LAST");
    assert!(qemu.event().timeout(PLENTY).run().unwrap_err().is_disconnected());
    mock.wait_until_alone();
    // The next client is served.
    qmp_blocking::connect(mock.address()).unwrap().execute("query-status").run().unwrap();
}

#[test]
fn a_command_can_stay_unanswered() {
    let mock = Mock::monitor();
    mock.on("lost").leave_unanswered();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let lost = qemu.execute("lost").timeout(Duration::from_millis(30)).run().unwrap_err();
    assert!(lost.is_timeout(), "{lost}");
    qemu.execute("query-status").run().unwrap();
}

#[test]
fn a_silent_server_runs_into_the_deadline_of_the_handshake() {
    let mock = Mock::monitor();
    mock.next_client().silent();
    let builder = qmp_blocking::builder().handshake_timeout(Duration::from_millis(50));
    let error = builder.connect(mock.address()).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    // This applies to that client only.
    qmp_blocking::connect(mock.address()).unwrap();
}

#[test]
fn quit_ends_as_in_qemu() {
    let mock = Mock::monitor();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let shutdown = qemu.event().named("SHUTDOWN").timeout(PLENTY);
    qemu.execute("quit").run().unwrap();
    let shutdown = shutdown.run().unwrap();
    let data: Value = serde_json::from_str(shutdown.data().unwrap().unwrap().as_str()).unwrap();
    assert_eq!(data["reason"], "host-qmp-quit");
    assert!(qemu.event().timeout(PLENTY).run().unwrap_err().is_disconnected());
}

#[test]
fn dropping_the_mock_ends_its_clients() {
    let mock = Mock::monitor();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let address = mock.address().clone();
    drop(mock);
    assert!(qemu.event().timeout(PLENTY).run().unwrap_err().is_disconnected());
    assert!(qmp_blocking::connect(address).is_err());
}
