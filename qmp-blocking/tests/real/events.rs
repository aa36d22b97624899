//! Events around answers.

use std::time::Duration;

use qmp_blocking::{Cause, Client};

use crate::server::{Clients, PLENTY, Suite, event_names};

conformance::on_every_qemu!(
    events_of_a_command_are_there_when_it_is_answered,
    what_does_not_match_stays_in_order,
    a_wait_for_an_event_ends_with_its_deadline,
    an_event_is_awaited_that_another_client_causes,
    only_events_that_are_wanted_are_kept,
);

fn events_of_a_command_are_there_when_it_is_answered(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    assert!(qemu.event().look().unwrap().is_none());
    for _ in 0..10 {
        qemu.execute("cont").run().unwrap();
        assert_eq!(qemu.events_kept(), 1);
        qemu.execute("stop").run().unwrap();
        assert_eq!(qemu.events_kept(), 2);
        let resume = qemu.event().wait().unwrap();
        let stop = qemu.event().wait().unwrap();
        assert_eq!((resume.name(), stop.name()), ("RESUME", "STOP"));
        assert!(resume.timestamp().unwrap() <= stop.timestamp().unwrap());
        assert!(resume.data().unwrap().is_none());
    }
    assert_eq!(qemu.events_kept(), 0);
}

fn what_does_not_match_stays_in_order(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    for _ in 0..3 {
        qemu.execute("cont").run().unwrap();
        qemu.execute("stop").run().unwrap();
    }
    let second = qemu.event().named("STOP").look().unwrap().unwrap();
    assert_eq!(second.name(), "STOP");
    assert!(qemu.event().named("RESET").look().unwrap().is_none());
    let either = qemu.event().named("RESET").named("STOP").wait().unwrap();
    assert!(either.timestamp() > second.timestamp());
    let mut seen = 0;
    let fourth = qemu.event().named("RESUME").matching(|_| {
        seen += 1;
        seen == 2
    });
    assert_eq!(fourth.wait().unwrap().name(), "RESUME");
    let rest = event_names(&qemu).unwrap();
    assert_eq!(rest, ["RESUME", "RESUME", "STOP"]);
}

fn a_wait_for_an_event_ends_with_its_deadline(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    qemu.execute("cont").run().unwrap();
    let wait = qemu.event().named("RESET").deadline(Duration::from_millis(50));
    let error = wait.wait().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let Cause::NoEvent { waited, names } = error.cause() else { panic!("{error:?}") };
    assert_eq!(names, &["RESET"]);
    assert!(*waited >= Duration::from_millis(50) && *waited < PLENTY, "{waited:?}");
    // A deadline of nothing still takes what is there.
    let wait = qemu.event().named("RESUME").deadline(Duration::ZERO);
    assert_eq!(wait.wait().unwrap().name(), "RESUME");
    qemu.execute("query-status").run().unwrap();
}

fn an_event_is_awaited_that_another_client_causes(suite: &Suite) {
    let mut server = suite.qemu_with(&[
        "-qmp",
        "unix:{}/qmp,server=on,wait=off",
        "-qmp",
        "unix:{}/other,server=on,wait=off",
    ]);
    let qemu = server.client();
    let other = server.folder().name("other");
    let causes = std::thread::spawn(move || {
        let other = qmp_blocking::connect(other.as_str()).unwrap();
        other.execute("cont").run().unwrap();
        other.execute("stop").run().unwrap();
        other.execute("system_reset").run().unwrap();
    });
    let reset = qemu.event().named("RESET").deadline(PLENTY).wait().unwrap();
    let data: serde_json::Value = reset.data().unwrap().unwrap().decode().unwrap();
    assert_eq!(data["reason"], "host-qmp-system-reset");
    causes.join().unwrap();
    assert_eq!(event_names(&qemu).unwrap(), ["RESUME", "STOP"]);
}

fn only_events_that_are_wanted_are_kept(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client_of(|| qmp_blocking::builder().keep_events(["STOP", "RESET"]));
    for _ in 0..3 {
        qemu.execute("cont").run().unwrap();
        qemu.execute("stop").run().unwrap();
    }
    assert_eq!(qemu.events_kept(), 3);
    qemu.discard_events();
    assert!(qemu.event().look().unwrap().is_none());
    qemu.execute("cont").run().unwrap();
    qemu.execute("stop").run().unwrap();
    assert_eq!(event_names(&qemu).unwrap(), ["STOP"]);
}
