//! Events around answers, and at any time.

use std::time::Duration;

use qmp_blocking::{Connection, Error};
use qmp_mock::Mock;
use serde_json::{Value, json};

use crate::reading::Reading as _;

const PLENTY: Duration = Duration::from_secs(30);

/// What comes next on the wire, an event or else the answer to a ping.
fn events(qemu: &mut Connection) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(event) = qemu.event().look().unwrap() {
        names.push(event.name().to_owned());
    }
    names
}

#[test]
fn events_come_before_and_after_the_answer_as_they_stand() {
    let mock = Mock::monitor();
    let gate = mock.gate();
    mock.on("cont").event("BEFORE", ()).done().hold(&gate).event("AFTER", json!({"n": 1}));
    let mut qemu = Connection::connect(mock.address()).unwrap();
    qemu.execute("cont").run().unwrap();
    assert_eq!(events(&mut qemu), ["BEFORE"]);
    gate.open();
    let after = qemu.event().deadline(PLENTY).wait().unwrap();
    assert_eq!(after.name(), "AFTER");
    assert_eq!(after.data().unwrap().unwrap().as_str(), r#"{"n":1}"#);
    assert!(after.timestamp().unwrap().since_epoch().unwrap() > Duration::from_secs(1_700_000_000));
}

#[test]
fn an_event_can_come_at_any_time() {
    let mock = Mock::monitor();
    let mut qemu = Connection::connect(mock.address()).unwrap();
    mock.event("SHUTDOWN", json!({"guest": true}));
    assert_eq!(qemu.event().deadline(PLENTY).wait().unwrap().name(), "SHUTDOWN");
}

#[test]
fn all_clients_that_have_negotiated_get_events_and_the_others_do_not() {
    let mock = Mock::builder().many_at_once().start();
    let mut first = Connection::connect(mock.address()).unwrap();
    let mut second = Connection::connect(mock.address()).unwrap();
    mock.event("STOP", ());
    let mut late = Connection::connect(mock.address()).unwrap();
    for qemu in [&mut first, &mut second] {
        assert_eq!(qemu.event().deadline(PLENTY).wait().unwrap().name(), "STOP");
    }
    late.execute("query-status").run().unwrap();
    assert_eq!(events(&mut late), Vec::<String>::new());
}

#[test]
fn a_gate_keeps_its_place_among_events() {
    for _ in 0..50 {
        let mock = Mock::monitor();
        let gate = mock.gate();
        mock.on("slow").hold(&gate).event("OF_THE_COMMAND", ());
        let mut qemu = Connection::connect(mock.address()).unwrap();
        let sent = qemu.execute("slow").send().unwrap();
        mock.wait_for("slow");
        mock.event("EARLIER", ());
        gate.open();
        mock.event("LATER", ());
        sent.wait(&mut qemu).unwrap();
        qemu.event().named("LATER").deadline(PLENTY).wait().map(drop).unwrap();
        let order: Vec<String> = events(&mut qemu);
        assert_eq!(order, ["EARLIER", "OF_THE_COMMAND"]);
    }
}

#[test]
fn an_agent_has_no_events() -> Result<(), Error> {
    let mock = Mock::agent();
    let mut agent = Connection::connect_agent(mock.address())?;
    mock.event("STOP", ());
    let version: Value = agent.execute("guest-info").read()?;
    assert_eq!(version["version"], "10.0.0");
    mock.verify();
    Ok(())
}
