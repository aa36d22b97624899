//! What commands are answered with.

use qmp_blocking::{Client, ErrorClass};
use qmp_mock::{Failure, Mock};
use serde_json::{Value, json};

use crate::reading::Reading as _;

fn ask(qemu: &Client, command: &str) -> Value {
    qemu.execute(command).read().unwrap()
}

#[test]
fn a_command_gets_the_answer_that_the_test_gave_it_every_time() {
    let mock = Mock::monitor();
    mock.on("query-block").answer(json!([{"device": "d0"}]));
    mock.on("query-raw").answer_json(r#"{"big": 18446744073709551615}"#);
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    for _ in 0..3 {
        assert_eq!(ask(&qemu, "query-block"), json!([{"device": "d0"}]));
    }
    assert_eq!(ask(&qemu, "query-raw"), json!({"big": u64::MAX}));
    mock.verify();
}

#[test]
fn a_rule_without_an_answer_returns_an_empty_object() {
    let mock = Mock::monitor();
    mock.on("cont");
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    assert_eq!(ask(&qemu, "cont"), json!({}));
}

#[test]
fn an_error_has_its_class_and_description() {
    let mock = Mock::monitor();
    mock.on("device_del").return_error(ErrorClass::DeviceNotFound, "Device 'x' not found");
    mock.on("odd").return_error(ErrorClass::Other("Odd"), "indeed");
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let error = qemu.execute("device_del").run().unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::DeviceNotFound));
    assert_eq!(error.failure().unwrap().description(), "Device 'x' not found");
    assert_eq!(qemu.execute("odd").run().unwrap_err().class(), Some(ErrorClass::Other("Odd")));
}

#[test]
fn turns_follow_each_other_and_the_last_stays() {
    let mock = Mock::monitor();
    mock.on("query-jobs").answer(1).then().times(2).answer(2).then().answer(3);
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let answers: Vec<Value> = (0..6).map(|_| ask(&qemu, "query-jobs")).collect();
    assert_eq!(answers, [1, 2, 2, 3, 3, 3]);
}

#[test]
fn the_first_rule_that_applies_and_is_not_used_up_is_followed() {
    let mock = Mock::monitor();
    mock.on("x").with(json!({"a": 1, "b": [2.5]})).answer("these arguments");
    mock.on("x").when(|command| command.is_out_of_band()).answer("never").optional();
    mock.on("x").once().answer("once");
    mock.on("x").answer("for the rest");
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    assert_eq!(ask(&qemu, "x"), "once");
    assert_eq!(ask(&qemu, "x"), "for the rest");
    let with = qemu.execute("x").arguments(json!({"b": [2.5], "a": 1}));
    assert_eq!(with.read::<Value>().unwrap(), "these arguments");
    let with = qemu.execute("x").arguments(json!({"a": 1}));
    assert_eq!(with.read::<Value>().unwrap(), "for the rest");
    mock.verify();
}

#[test]
fn missing_arguments_equal_empty_ones() {
    let mock = Mock::monitor();
    mock.on("x").with(()).times(2).answer("none");
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    assert_eq!(ask(&qemu, "x"), "none");
    assert_eq!(qemu.execute("x").arguments(json!({})).read::<Value>().unwrap(), "none");
    mock.verify();
}

#[test]
fn a_closure_answers_from_what_it_was_asked_and_keeps_its_state() {
    let mock = Mock::monitor();
    let mut asked = 0;
    mock.on("add").answer_with(move |command| {
        asked += 1;
        let numbers: Value = command.decode().unwrap();
        match (numbers["a"].as_i64(), numbers["b"].as_i64()) {
            (Some(a), Some(b)) => Ok(json!({"sum": a + b, "asked": asked})),
            _ => Err(Failure::generic("two numbers, please")),
        }
    });
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let sum: Value = qemu.execute("add").arguments(json!({"a": 1, "b": 2})).read().unwrap();
    assert_eq!(sum, json!({"sum": 3, "asked": 1}));
    let error = qemu.execute("add").run().unwrap_err();
    assert_eq!(error.failure().unwrap().description(), "two numbers, please");
    let sum: Value = qemu.execute("add").arguments(json!({"a": 5, "b": -5})).read().unwrap();
    assert_eq!(sum, json!({"sum": 0, "asked": 3}));
}

#[test]
fn a_command_without_a_rule_is_not_found() {
    let mock = Mock::monitor();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let error = qemu.execute("x-new").run().unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::CommandNotFound));
    assert_eq!(error.failure().unwrap().description(), "The command x-new has not been found");
    assert_eq!(mock.received(), ["x-new"]);
}

#[test]
fn forget_removes_rules() {
    let mock = Mock::monitor();
    mock.on("x").answer(1);
    mock.on("y").answer(2);
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    assert_eq!(ask(&qemu, "x"), 1);
    mock.forget("x");
    mock.on("x").answer(10);
    assert_eq!(ask(&qemu, "x"), 10);
    assert_eq!(ask(&qemu, "y"), 2);
}

#[test]
fn received_commands_show_arguments_and_client() {
    let mock = Mock::monitor();
    mock.on("x");
    qmp_blocking::connect(mock.address()).unwrap().execute("x").run().unwrap();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    qemu.execute("x").arguments(json!({"a": "b"})).run().unwrap();
    let received = mock.received();
    assert_eq!(received, ["x", "x"]);
    assert_eq!(received[0].arguments(), None);
    assert_eq!((received[0].client(), received[1].client()), (0, 1));
    assert_eq!(received[1].arguments().unwrap().as_str(), r#"{"a":"b"}"#);
    assert_eq!(received[1].decode::<Value>().unwrap(), json!({"a": "b"}));
    assert!(received[1].id().is_some());
    assert_eq!(received[1].to_string(), r#"`x {"a":"b"}` of client 1"#);
}

#[test]
#[should_panic(expected = "this is not JSON")]
fn answer_json_panics_on_invalid_json() {
    Mock::monitor().on("x").answer_json("{");
}

#[test]
#[should_panic(expected = "cut_after must follow an answer")]
fn cut_after_panics_without_an_answer() {
    Mock::monitor().on("x").cut_after(3);
}
