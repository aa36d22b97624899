//! Delays, and replies out of order.

use std::time::{Duration, Instant};

use qmp_blocking::ErrorClass;
use qmp_mock::Mock;
use serde_json::{Value, json};

use crate::reading::Reading as _;

#[test]
fn a_reply_can_be_delayed() {
    let mock = Mock::monitor();
    mock.on("slow").delay(Duration::from_millis(60)).answer(1);
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let started = Instant::now();
    assert_eq!(qemu.execute("slow").read::<Value>().unwrap(), 1);
    assert!(started.elapsed() >= Duration::from_millis(60), "{:?}", started.elapsed());
}

#[test]
fn a_late_reply_is_not_assigned_to_another_command() {
    let mock = Mock::monitor();
    let gate = mock.gate();
    mock.on("slow").hold(&gate).answer("late");
    mock.on("fast").answer("in time");
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let late = qemu.execute("slow").timeout(Duration::from_millis(30)).run().unwrap_err();
    assert!(late.is_timeout(), "{late}");
    gate.open();
    assert_eq!(qemu.execute("fast").read::<Value>().unwrap(), "in time");
}

#[test]
fn held_commands_are_answered_in_any_order() {
    let mock = Mock::builder().in_flight(4).start();
    let gates: Vec<_> = (0..3).map(|_| mock.gate()).collect();
    for (n, gate) in gates.iter().enumerate() {
        mock.on("x").with(json!({"n": n})).hold(gate).event("DONE", json!({"n": n})).answer(n);
    }
    let qemu = qmp_blocking::builder().out_of_band().connect(mock.address()).unwrap();
    let sent: Vec<_> =
        (0..3).map(|n| qemu.execute("x").arguments(json!({"n": n})).send().unwrap()).collect();
    for n in [2, 0, 1] {
        let done = qemu.event().named("DONE").timeout(Duration::from_secs(30));
        gates[n].open();
        let done = done.run().unwrap();
        assert_eq!(done.data().unwrap().unwrap().as_str(), format!("{{\"n\":{n}}}"));
    }
    for (n, sent) in sent.into_iter().enumerate() {
        let reply = sent.recv().unwrap();
        assert_eq!(reply.json().unwrap().as_str(), n.to_string());
    }
}

#[test]
fn an_out_of_band_command_overtakes_one_that_is_held() {
    let mock = Mock::monitor();
    let gate = mock.gate();
    mock.on("slow").hold(&gate);
    mock.on("migrate-pause").when(|command| command.is_out_of_band());
    let qemu = qmp_blocking::builder().out_of_band().connect(mock.address()).unwrap();
    let slow = qemu.execute("slow").send().unwrap();
    qemu.execute("migrate-pause").out_of_band().run().unwrap();
    gate.open();
    slow.recv().unwrap();
    mock.verify();
}

#[test]
fn a_command_that_does_not_allow_exec_oob_is_refused_as_by_qemu() {
    let mock = Mock::monitor();
    mock.on("x").answer("x");
    mock.on("y").out_of_band().answer("y");
    mock.on("y").with(json!({"a": 1})).answer("with");
    let qemu = qmp_blocking::builder().out_of_band().connect(mock.address()).unwrap();
    for name in ["x", "query-name"] {
        let refused = qemu.execute(name).out_of_band().run().unwrap_err();
        let failure = refused.failure().unwrap();
        assert_eq!(failure.class(), ErrorClass::GenericError);
        assert_eq!(failure.description(), format!("The command {name} does not support OOB"));
    }
    let unknown = qemu.execute("nonsense").out_of_band().run().unwrap_err();
    assert_eq!(unknown.class(), Some(ErrorClass::CommandNotFound));
    qemu.execute("y").out_of_band().run().unwrap();
    qemu.execute("y").out_of_band().arguments(json!({"a": 1})).run().unwrap();
    assert_eq!(mock.received(), ["x", "query-name", "nonsense", "y", "y"]);
    let unmet = mock.check().unwrap_err().to_string();
    assert!(unmet.contains("`x` of client 0 came with `exec-oob`, which it does not allow"));
    assert!(unmet.contains("`x` was expected once and received never"), "{unmet}");
}

#[test]
fn a_closed_gate_holds_again() {
    let mock = Mock::monitor();
    let gate = mock.gate();
    mock.on("x").hold(&gate);
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    gate.open();
    qemu.execute("x").run().unwrap();
    gate.close();
    let held = qemu.execute("x").timeout(Duration::from_millis(30)).run().unwrap_err();
    assert!(held.is_timeout(), "{held}");
}

#[test]
fn without_oob_one_command_is_taken_at_a_time() {
    let mock = Mock::builder().out_of_band(false).start();
    let gate = mock.gate();
    mock.on("first").hold(&gate);
    mock.on("second").return_error(ErrorClass::GenericError, "no");
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let first = qemu.execute("first").send().unwrap();
    let second = qemu.execute("second").send().unwrap();
    mock.wait_for("first");
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(mock.received(), ["first"]);
    gate.open();
    first.recv().unwrap();
    second.recv().unwrap_err();
    assert_eq!(mock.received(), ["first", "second"]);
}
