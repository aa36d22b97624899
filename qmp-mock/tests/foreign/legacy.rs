//! `QEMUMonitorProtocol`, the blocking client that many scripts still use.

use qmp_mock::{ErrorClass, Mock};
use serde_json::{Value, json};

use crate::python::{listening_scenario, scenario};
use crate::qmp_client::text_in;

#[test]
fn it_gets_answers_errors_events_and_passes_descriptors() {
    let mock = Mock::monitor();
    mock.on("echo").answer_with(|command| Ok(command.decode::<Value>().unwrap()));
    mock.on("device_del").return_error(ErrorClass::DeviceNotFound, "Device 'x' not found");
    mock.on("stop").event("STOP", ());
    mock.on("cont").return_empty().event("RESUME", ());
    let Some(seen) = scenario("legacy", &mock) else { return };
    assert_eq!(seen["greeting"], json!(["QMP"]));
    assert_eq!(seen["status"]["status"], "running");
    assert_eq!(seen["object"]["return"], json!({"a": 1}));
    assert_eq!(seen["refused"], "DeviceNotFound");
    assert_eq!(seen["none"], json!([]));
    assert_eq!(seen["event"], "STOP");
    assert_eq!(seen["pulled"], "RESUME");
    assert_eq!(text_in(&mock.wait_for("getfd")), "from legacy");
    mock.verify();
}

#[test]
fn it_is_served_when_it_listens() {
    let mock = Mock::monitor();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client");
    let Some(seen) = listening_scenario("legacy_listens", &mock, &path) else { return };
    assert_eq!(seen["running"], true);
    mock.verify();
}
