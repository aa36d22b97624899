//! Events before and after replies, and at any time.

use std::time::Duration;

use qmp_blocking::{Error, EventItem, Subscription};
use qmp_mock::Mock;
use serde_json::{Value, json};

use crate::reading::Reading as _;

const PLENTY: Duration = Duration::from_secs(30);

/// Returns the names of the received events.
fn names(events: &mut Subscription<'_>) -> Vec<String> {
    let name = |item: EventItem| match item {
        EventItem::Event(event) => event.name().to_owned(),
        other => panic!("{other:?}"),
    };
    events.drain().into_iter().map(name).collect()
}

#[test]
fn events_come_before_and_after_the_answer_as_they_stand() {
    let mock = Mock::monitor();
    let gate = mock.gate();
    mock.on("cont").event("BEFORE", ()).return_empty().hold(&gate).event("AFTER", json!({"n": 1}));
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let mut events = qemu.events().subscribe();
    qemu.execute("cont").run().unwrap();
    assert_eq!(names(&mut events), ["BEFORE"]);
    gate.open();
    let after = events.event().timeout(PLENTY).run().unwrap();
    assert_eq!(after.name(), "AFTER");
    assert_eq!(after.data().unwrap().unwrap().as_str(), r#"{"n":1}"#);
    assert!(after.timestamp().unwrap().since_epoch().unwrap() > Duration::from_secs(1_700_000_000));
}

#[test]
fn an_event_can_come_at_any_time() {
    let mock = Mock::monitor();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let shutdown = qemu.event().timeout(PLENTY);
    mock.event("SHUTDOWN", json!({"guest": true}));
    assert_eq!(shutdown.run().unwrap().name(), "SHUTDOWN");
}

#[test]
fn all_clients_that_have_negotiated_get_events_and_the_others_do_not() {
    let mock = Mock::builder().many_at_once().start();
    let first = qmp_blocking::connect(mock.address()).unwrap();
    let second = qmp_blocking::connect(mock.address()).unwrap();
    let waits = [&first, &second].map(|qemu| qemu.event().timeout(PLENTY));
    mock.event("STOP", ());
    let late = qmp_blocking::connect(mock.address()).unwrap();
    for wait in waits {
        assert_eq!(wait.run().unwrap().name(), "STOP");
    }
    late.execute("query-status").run().unwrap();
    let mut events = late.events().with_backlog().subscribe();
    assert_eq!(names(&mut events), Vec::<String>::new());
}

#[test]
fn a_gate_keeps_its_place_among_events() {
    for _ in 0..50 {
        let mock = Mock::monitor();
        let gate = mock.gate();
        mock.on("slow").hold(&gate).event("OF_THE_COMMAND", ());
        let qemu = qmp_blocking::connect(mock.address()).unwrap();
        let mut events = qemu.events().subscribe();
        let sent = qemu.execute("slow").send().unwrap();
        mock.wait_for("slow");
        mock.event("EARLIER", ());
        gate.open();
        mock.event("LATER", ());
        sent.recv().unwrap();
        events.event().named("LATER").timeout(PLENTY).run().unwrap();
        assert_eq!(names(&mut events), ["EARLIER", "OF_THE_COMMAND"]);
    }
}

#[test]
fn an_agent_has_no_events() -> Result<(), Error> {
    let mock = Mock::agent();
    let agent = qmp_blocking::connect_agent(mock.address())?;
    mock.event("STOP", ());
    let version: Value = agent.execute("guest-info").read()?;
    assert_eq!(version["version"], "10.0.0");
    mock.verify();
    Ok(())
}
