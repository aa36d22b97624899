//! `QMPClient`.

use std::fs::File;
use std::io::Read;

use qmp_mock::{ErrorClass, Mock, ReceivedCommand, Version};
use serde_json::{Value, json};

use crate::python::{listening_scenario, scenario};

/// A monitor that returns its arguments.
fn echoing() -> Mock {
    let mock = Mock::monitor();
    mock.on("echo").answer_with(|command| Ok(command.decode::<Value>().unwrap())).optional();
    mock
}

pub(crate) fn text_in(received: &ReceivedCommand) -> String {
    let mut text = String::new();
    let descriptor = received.descriptor().unwrap().try_clone_to_owned().unwrap();
    File::from(descriptor).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn it_negotiates_executes_and_disconnects() {
    let mock = Mock::builder().version(Version::new(9, 1, 2)).start();
    mock.on("echo").answer_with(|command| Ok(command.decode::<Value>().unwrap()));
    let Some(seen) = scenario("commands", &mock) else { return };
    assert_eq!(seen["version"], json!({"major": 9, "minor": 1, "micro": 2}));
    assert_eq!(seen["capabilities"], json!(["oob"]));
    assert_eq!(seen["status"], json!({"status": "running", "running": true}));
    assert_eq!(seen["echo"], json!({"text": "é☃𝄞 \"\\\n\u{7f}", "number": 1.5}));
    assert_eq!(seen["empty"], json!({}));
    assert_eq!(seen["end"], Value::Null);
    mock.wait_until_alone();
    mock.verify();
}

#[test]
fn a_burst_without_line_ends_is_answered_each_to_its_own() {
    let mock = echoing();
    let Some(seen) = scenario("burst", &mock) else { return };
    assert_eq!(seen, true);
    assert_eq!(mock.received().len(), 300);
    assert!(mock.received().iter().all(|command| !command.message().as_str().contains('\n')));
    mock.verify();
}

#[test]
fn out_of_band_commands_overtake_one_that_is_held() {
    let mock = Mock::monitor();
    let gate = mock.gate();
    mock.on("slow").hold(&gate).answer("slow");
    mock.on("fast").when(ReceivedCommand::is_out_of_band).out_of_band().answer("fast");
    mock.on("let-go").out_of_band().answer_with(move |_| {
        gate.open();
        Ok(json!({}))
    });
    let Some(seen) = scenario("out_of_band", &mock) else { return };
    assert_eq!(seen, json!(["fast", true, "slow"]));
    mock.verify();
}

#[test]
fn ids_are_echoed_and_none_is_none() {
    let mock = Mock::monitor();
    let Some(seen) = scenario("ids", &mock) else { return };
    assert_eq!(seen, json!([null, "é \"☃\" \\", null]));
    mock.verify();
}

#[test]
fn errors_have_class_and_description_and_the_session_goes_on() {
    let mock = Mock::monitor();
    mock.on("device_del").return_error(ErrorClass::DeviceNotFound, "Device 'x' not found");
    let Some(seen) = scenario("errors", &mock) else { return };
    let unknown = "The command x-unknown has not been found";
    let expected =
        json!([["DeviceNotFound", "Device 'x' not found"], ["CommandNotFound", unknown]]);
    assert_eq!(seen, expected);
    assert_eq!(mock.received(), ["device_del", "x-unknown", "query-status"]);
}

#[test]
fn input_that_is_not_json_gets_an_error_without_an_id_as_in_qemu() {
    let mock = echoing();
    let Some(seen) = scenario("not_json", &mock) else { return };
    assert_eq!(seen, "ServerParseError");
    assert_eq!(mock.received().len(), 0);
    mock.wait_until_alone();
    let complaint = mock.check().unwrap_err().to_string();
    assert!(complaint.starts_with("client 0 sent bytes that are not JSON: "), "{complaint}");
}

#[test]
fn events_before_an_answer_are_there_with_it_and_those_after_it_come() {
    let mock = Mock::monitor();
    mock.on("stop").event("BEFORE", ()).return_empty();
    mock.on("cont")
        .return_empty()
        .event("AFTER", ())
        .event("LATER", json!({"text": "\"é\" \u{1}"}));
    let Some(seen) = scenario("events", &mock) else { return };
    assert_eq!(seen["before"], json!(["BEFORE"]));
    assert_eq!(seen["after"], "AFTER");
    assert_eq!(seen["data"], json!({"text": "\"é\" \u{1}"}));
    assert_eq!(seen["timestamp"], json!(["microseconds", "seconds"]));
    mock.verify();
}

#[test]
fn a_descriptor_on_a_blank_reaches_the_command_behind_it_and_no_other() {
    let mock = Mock::monitor();
    let Some(seen) = scenario("descriptor", &mock) else { return };
    assert_eq!(seen, "No file descriptor supplied via SCM_RIGHTS");
    let received = mock.received();
    assert_eq!(received, ["getfd", "getfd"]);
    assert_eq!(text_in(&received[0]), "from Python");
    assert!(received[1].descriptor().is_none());
    mock.verify();
}

#[test]
fn a_hang_up_is_the_end_of_the_file_to_it() {
    for cut in [0, 1, 20] {
        let mock = Mock::monitor();
        mock.on("lost").answer("never whole").cut_after(cut);
        let Some(seen) = scenario("hang_up", &mock) else { return };
        assert_eq!(seen[0], "Disconnected", "cut after {cut}");
        // It reports half a message as an error.
        let end = if cut == 0 { "EOFError" } else { "DeserializationError" };
        assert_eq!(seen[1], end, "cut after {cut}");
    }
}

#[test]
fn quit_is_answered_then_comes_the_end() {
    let mock = Mock::monitor();
    let Some(seen) = scenario("quits", &mock) else { return };
    assert_eq!(seen, json!([{}, "host-qmp-quit", "EOFError"]));
}

#[test]
fn it_can_reconnect_many_times() {
    let mock = Mock::monitor();
    let Some(seen) = scenario("reconnects", &mock) else { return };
    assert_eq!(seen, json!(["running", "running", "running", "running", "running"]));
    assert_eq!(mock.clients(), 5);
    mock.verify();
}

#[test]
fn it_reconnects_after_a_close() {
    let mock = Mock::monitor();
    mock.on("lost").hang_up();
    let Some(seen) = scenario("reconnects_after_hang_up", &mock) else { return };
    assert_eq!(seen, json!(["EOFError", null]));
    assert_eq!(mock.received(), ["lost", "query-status"]);
    mock.verify();
}

#[test]
fn long_and_deep_answers_arrive_whole() {
    let mock = Mock::monitor();
    mock.on("long").answer("x".repeat(5_000_000));
    mock.on("deep").answer_json(&("[".repeat(901) + &"]".repeat(901)));
    let Some(seen) = scenario("large", &mock) else { return };
    assert_eq!(seen, json!([5_000_000, 900]));
    mock.verify();
}

#[test]
fn it_talks_to_an_agent_without_greeting() {
    let mock = Mock::agent();
    let Some(seen) = scenario("agent", &mock) else { return };
    assert_eq!(seen, json!([1234, {}]));
    mock.verify();
}

#[test]
fn it_is_served_when_it_listens() {
    let mock = Mock::monitor();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client");
    let Some(seen) = listening_scenario("listens", &mock, &path) else { return };
    assert_eq!(seen["running"], true);
    mock.verify();
}
