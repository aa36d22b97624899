//! The crate `qapi` without a runtime.

// clippy.toml allows it in tests, but not in their shared code.
#![allow(clippy::unwrap_used)]

use std::os::unix::net::UnixStream;

use qapi::qmp::{Event, query_name, query_status, query_version, stop};
use qapi::{ExecuteError, Qga, Qmp};
use qmp_mock::{ErrorClass, Mock, Version};
use serde_json::json;

/// The state with all members that this crate knows, because it rejects a reply without them.
fn paused() -> serde_json::Value {
    json!({"status": "paused", "running": false, "singlestep": false})
}

#[test]
fn it_shakes_hands_and_gets_answers() {
    let mock = Mock::builder().version(Version::new(9, 2, 1)).start();
    mock.on("query-status").answer(paused());
    let stream = UnixStream::connect(mock.path()).unwrap();
    let mut qemu = Qmp::from_stream(&stream);
    let greeting = qemu.handshake().unwrap();
    assert_eq!(greeting.version.qemu.minor, 2);
    assert_eq!(qemu.execute(&query_version {}).unwrap().qemu.major, 9);
    assert!(!qemu.execute(&query_status {}).unwrap().running);
    mock.verify();
}

#[test]
fn commands_written_ahead_are_answered_in_their_order() {
    let mock = Mock::monitor();
    mock.on("query-name").answer(json!({"name": "first"})).then().answer(json!({"name": "second"}));
    let stream = UnixStream::connect(mock.path()).unwrap();
    let mut qemu = Qmp::from_stream(&stream);
    qemu.handshake().unwrap();
    for _ in 0..2 {
        qemu.write_command(&query_name {}).unwrap();
    }
    for expected in ["first", "second"] {
        let answer = qemu.read_response::<query_name>().unwrap();
        assert_eq!(answer.name.as_deref(), Some(expected));
    }
    mock.verify();
}

#[test]
fn errors_have_class_and_description() {
    let mock = Mock::monitor();
    mock.on("stop").return_error(ErrorClass::DeviceNotActive, "not now");
    let stream = UnixStream::connect(mock.path()).unwrap();
    let mut qemu = Qmp::from_stream(&stream);
    qemu.handshake().unwrap();
    let Err(ExecuteError::Qapi(error)) = qemu.execute(&stop {}) else {
        panic!("no error of the server");
    };
    assert_eq!(error.class, qapi::ErrorClass::DeviceNotActive);
    assert_eq!(error.desc, "not now");
}

#[test]
fn events_before_an_answer_come_with_it() {
    let mock = Mock::monitor();
    mock.on("stop").event("STOP", ());
    let stream = UnixStream::connect(mock.path()).unwrap();
    let mut qemu = Qmp::from_stream(&stream);
    qemu.handshake().unwrap();
    qemu.execute(&stop {}).unwrap();
    let events: Vec<Event> = qemu.events().collect();
    assert!(matches!(events[..], [Event::STOP { .. }]), "{events:?}");
}

#[test]
fn a_hang_up_is_an_error_of_the_stream() {
    let mock = Mock::monitor();
    mock.on("stop").return_empty().cut_after(5);
    let stream = UnixStream::connect(mock.path()).unwrap();
    let mut qemu = Qmp::from_stream(&stream);
    qemu.handshake().unwrap();
    let error = qemu.execute(&stop {}).unwrap_err();
    assert!(matches!(error, ExecuteError::Io(_)), "{error}");
}

#[test]
fn it_syncs_with_an_agent() {
    let mock = Mock::agent();
    let stream = UnixStream::connect(mock.path()).unwrap();
    let mut agent = Qga::from_stream(&stream);
    agent.guest_sync(1234).unwrap();
    agent.execute(&qapi::qga::guest_ping {}).unwrap();
    mock.verify();
}
