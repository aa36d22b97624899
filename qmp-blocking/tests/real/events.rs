//! Events around answers.

use std::time::Duration;

use qmp_blocking::{ErrorKind, EventItem};

use crate::server::{Clients, PLENTY, Suite, names};

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
    let mut events = qemu.events().subscribe();
    assert!(events.try_recv().is_none());
    for _ in 0..10 {
        let resumed = qemu.execute("cont").run().unwrap().stream_position();
        let stopped = qemu.execute("stop").run().unwrap().stream_position();
        let all = events.drain();
        let [EventItem::Event(resume), EventItem::Event(stop)] = all.as_slice() else {
            panic!("{all:?}")
        };
        assert_eq!((resume.name(), stop.name()), ("RESUME", "STOP"));
        assert!(resume.timestamp().unwrap() <= stop.timestamp().unwrap());
        assert!(resume.data().unwrap().is_none());
        let positions = [resume.stream_position(), resumed, stop.stream_position(), stopped];
        assert!(positions.is_sorted(), "{positions:?}");
    }
    assert!(events.drain().is_empty());
}

fn what_does_not_match_stays_in_order(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let mut events = qemu.events().subscribe();
    for _ in 0..3 {
        qemu.execute("cont").run().unwrap();
        qemu.execute("stop").run().unwrap();
    }
    let second = events.event().named("STOP").run().unwrap();
    assert_eq!(second.name(), "STOP");
    let none = events.event().named("RESET").timeout(Duration::ZERO).run().unwrap_err();
    assert!(none.is_timeout(), "{none}");
    let either = events.event().named("RESET").named("STOP").run().unwrap();
    assert!(either.timestamp() > second.timestamp());
    let mut seen = 0;
    let fourth = events.event().named("RESUME").matching(|_| {
        seen += 1;
        seen == 2
    });
    assert_eq!(fourth.run().unwrap().name(), "RESUME");
    assert_eq!(names(events.drain()), ["RESUME", "RESUME", "STOP"]);
}

fn a_wait_for_an_event_ends_with_its_deadline(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let resumed = qemu.event().named("RESUME").timeout(Duration::ZERO);
    qemu.execute("cont").run().unwrap();
    let wait = qemu.event().named("RESET").timeout(Duration::from_millis(50));
    let error = wait.run().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let ErrorKind::NoEvent { waited, names, .. } = error.kind() else { panic!("{error:?}") };
    assert_eq!(names, &["RESET"]);
    assert!(*waited >= Duration::from_millis(50) && *waited < PLENTY, "{waited:?}");
    // A deadline of nothing still takes what is there.
    assert_eq!(resumed.run().unwrap().name(), "RESUME");
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
    let mut events = qemu.events().subscribe();
    let reset = qemu
        .event()
        .named("RESET")
        .member("reason", "host-qmp-system-reset")
        .member("guest", false)
        .timeout(PLENTY);
    let other = server.folder().name("other");
    let causes = std::thread::spawn(move || {
        let other = qmp_blocking::connect(other.as_str()).unwrap();
        other.execute("cont").run().unwrap();
        other.execute("stop").run().unwrap();
        other.execute("system_reset").run().unwrap();
    });
    let data: serde_json::Value = reset.run().unwrap().decode().unwrap();
    assert_eq!(data["reason"], "host-qmp-system-reset");
    causes.join().unwrap();
    assert_eq!(names(events.drain()), ["RESUME", "STOP", "RESET"]);
}

fn only_events_that_are_wanted_are_kept(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let mut wanted = qemu.events().named("STOP").named("RESET").subscribe();
    for _ in 0..3 {
        qemu.execute("cont").run().unwrap();
        qemu.execute("stop").run().unwrap();
    }
    assert_eq!(names(wanted.drain()), ["STOP", "STOP", "STOP"]);
    let mut late = qemu.events().subscribe();
    assert!(late.try_recv().is_none());
    qemu.execute("cont").run().unwrap();
    qemu.execute("stop").run().unwrap();
    assert_eq!(names(wanted.drain()), ["STOP"]);
    assert_eq!(names(late.drain()), ["RESUME", "STOP"]);
}
