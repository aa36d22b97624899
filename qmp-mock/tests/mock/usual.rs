//! Common commands, which need no rule.

use qmp_blocking::ErrorClass;
use qmp_mock::Mock;
use serde_json::{Value, json};

use crate::reading::Reading as _;

#[test]
fn a_monitor_knows_common_commands_and_lists_those_of_the_test() {
    let mock = Mock::monitor();
    mock.on("blockdev-add").optional();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let status: Value = qemu.execute("query-status").read().unwrap();
    assert_eq!(status, json!({"status": "running", "running": true}));
    let commands: Vec<Value> = qemu.execute("query-commands").read().unwrap();
    assert_eq!(commands[1], json!({"name": "blockdev-add"}));
    assert!(commands.contains(&json!({"name": "query-version"})));
    mock.verify();
}

#[test]
fn an_agent_syncs_pings_and_lists_its_commands() {
    let mock = Mock::agent();
    mock.on("guest-exec").optional();
    let agent = qmp_blocking::connect_agent(mock.address()).unwrap();
    agent.execute("guest-ping").run().unwrap();
    let info: Value = agent.execute("guest-info").read().unwrap();
    let names: Vec<&str> = info["supported_commands"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|command| command["name"].as_str())
        .collect();
    assert_eq!(names, ["guest-exec", "guest-info", "guest-ping"]);
    mock.verify();
}

#[test]
fn a_rule_takes_precedence_over_a_default_reply() {
    let mock = Mock::monitor();
    mock.on("query-status").once().answer(1);
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    assert_eq!(qemu.execute("query-status").read::<Value>().unwrap(), 1);
    assert_eq!(qemu.execute("query-status").read::<Value>().unwrap()["running"], true);
}

#[test]
fn default_replies_can_be_turned_off() {
    let mock = Mock::builder().without_usual_answers().start();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let error = qemu.execute("query-status").run().unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::CommandNotFound));
    assert!(mock.check().is_err());
}
