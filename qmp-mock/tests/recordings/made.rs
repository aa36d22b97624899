//! Recordings of a mock, whose order is known, replayed strictly.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use qmp_blocking::{Client, ErrorClass, EventItem};
use qmp_mock::{Mock, Recorder, Recording};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const PLENTY: Duration = Duration::from_secs(30);

/// Records what `session` does with the mock.
pub(crate) fn record(mock: &Mock, session: impl FnOnce(Client)) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    let recorder = Recorder::start(mock.address(), &path).unwrap();
    let builder = qmp_blocking::builder().out_of_band();
    session(builder.connect(recorder.address()).unwrap());
    recorder.finish().unwrap();
    (folder, path)
}

#[test]
fn answers_errors_and_events_come_where_they_came() {
    let mock = Mock::monitor();
    mock.on("stop").event("STOP", json!({"n": 1})).return_empty().event("LATER", ());
    mock.on("x").answer(1).then().answer(2).then().return_error(ErrorClass::DeviceNotActive, "no");
    let session = |qemu: Client| {
        let mut events = qemu.events().subscribe();
        let stopped = qemu.execute("stop").run().unwrap();
        // It is already queued, because it arrived before the reply.
        let Some(EventItem::Event(before)) = events.try_recv() else { panic!("no event") };
        let later = events.event().timeout(PLENTY).run().unwrap();
        let x = |qemu: &Client| {
            let answer = qemu.execute("x").argument("a", [1.5]).run();
            answer
                .map(|reply| reply.decode::<Value>().unwrap())
                .map_err(|error| error.failure().map(|failure| failure.class().name().to_owned()))
        };
        let answers = [x(&qemu), x(&qemu), x(&qemu)];
        let names = [before.name(), later.name()];
        let data = before.data().unwrap().unwrap().as_str();
        format!("{:?} {names:?} {data} {answers:?}", stopped.json())
    };
    let mut recorded = String::new();
    let (_folder, path) = record(&mock, |qemu| recorded = session(qemu));
    assert!(recorded.contains(r#"["STOP", "LATER"] {"n":1}"#), "{recorded}");
    assert!(recorded.contains("[Ok(Number(1)), Ok(Number(2)), Err(Some(\"DeviceNotActive\"))]"));

    let replay = Mock::replay(&path).unwrap();
    let builder = qmp_blocking::builder().out_of_band();
    assert_eq!(session(builder.connect(replay.address()).unwrap()), recorded);
    replay.verify();
}

#[test]
fn answers_out_of_order_come_out_of_order_again() {
    let mock = Mock::monitor();
    let gate = mock.gate();
    mock.on("slow").hold(&gate).answer("slow");
    mock.on("fast").out_of_band().answer("fast");
    let session = |qemu: &Client, open: &dyn Fn()| {
        let mut lines = Vec::new();
        let slow = qemu.execute("slow").send().unwrap();
        let fast = qemu.execute("fast").out_of_band().run().unwrap();
        lines.push(fast.json().unwrap().as_str().to_owned());
        open();
        lines.push(slow.recv().unwrap().json().unwrap().as_str().to_owned());
        lines
    };
    let (_folder, path) = record(&mock, |qemu| {
        assert_eq!(session(&qemu, &|| gate.open()), ["\"fast\"", "\"slow\""]);
    });
    let replay = Mock::replay(&path).unwrap();
    let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::<u8>::new()));
    let seen = order.clone();
    let qemu = qmp_blocking::builder()
        .out_of_band()
        .on_wire(move |direction, bytes| {
            if direction == qmp_blocking::Direction::Received {
                seen.lock().unwrap().extend_from_slice(bytes);
            }
        })
        .connect(replay.address())
        .unwrap();
    assert_eq!(session(&qemu, &|| ()), ["\"fast\"", "\"slow\""]);
    replay.verify();
    let wire = String::from_utf8(order.lock().unwrap().clone()).unwrap();
    assert!(wire.find("fast").unwrap() < wire.find("slow").unwrap(), "{wire}");
}

#[test]
fn pipelined_commands_may_arrive_one_by_one() {
    let mock = Mock::monitor();
    mock.on("x").answer_with(|command| command.decode::<Value>().map_err(|_| unreachable!()));
    let (_folder, path) = record(&mock, |qemu| {
        let sent: Vec<_> =
            (0..5).map(|n| qemu.execute("x").argument("n", n).send().unwrap()).collect();
        sent.into_iter().for_each(|sent| drop(sent.recv().unwrap()));
    });
    let replay = Mock::replay(&path).unwrap();
    let qemu = qmp_blocking::connect(replay.address()).unwrap();
    for n in 0..5 {
        let reply = qemu.execute("x").argument("n", n).run().unwrap();
        assert_eq!(reply.decode::<Value>().unwrap(), json!({"n": n}));
    }
    replay.verify();
}

#[test]
fn an_unexpected_command_is_reported_with_the_expected_one() {
    let mock = Mock::monitor();
    let (_folder, path) = record(&mock, |qemu| {
        qemu.execute("query-name").run().unwrap();
        qemu.execute("query-status").run().unwrap();
    });
    let replay = Mock::replay(&path).unwrap();
    let qemu = qmp_blocking::connect(replay.address()).unwrap();
    let error = qemu.execute("query-status").run().unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::CommandNotFound));
    let complaint = replay.check().unwrap_err().to_string();
    let expected = "the recording continues with `query-name`, not with `query-status` of client 0";
    assert!(complaint.starts_with(expected), "{complaint}");
    // The replay continues at the same place.
    qemu.execute("query-name").run().unwrap();
    qemu.execute("query-status").run().unwrap();
    qemu.execute("query-status").run().unwrap_err();
    let complaint = replay.check().unwrap_err().to_string();
    assert!(complaint.contains("received after the end of the recording: `query-status`"));
}

#[test]
fn rules_take_precedence_over_the_recording() {
    let mock = Mock::monitor();
    let (_folder, path) = record(&mock, |qemu| drop(qemu.execute("query-name").run().unwrap()));
    let replay = Mock::replay(&path).unwrap();
    replay.on("extra").answer(7);
    let qemu = qmp_blocking::connect(replay.address()).unwrap();
    assert_eq!(qemu.execute("extra").run().unwrap().decode::<i64>().unwrap(), 7);
    qemu.execute("query-name").run().unwrap();
    replay.verify();
}

#[test]
fn each_client_gets_its_session_and_those_after_the_last_get_the_last() {
    let mock = Mock::monitor();
    mock.on("x").answer(0).then().answer(1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    let recorder = Recorder::start(mock.address(), &path).unwrap();
    for _ in 0..2 {
        qmp_blocking::connect(recorder.address()).unwrap().execute("x").run().unwrap();
    }
    recorder.finish().unwrap();
    let replay = Mock::replay(&path).unwrap();
    for expected in [0, 1, 1] {
        let qemu = qmp_blocking::connect(replay.address()).unwrap();
        assert_eq!(qemu.execute("x").run().unwrap().decode::<i64>().unwrap(), expected);
    }
    replay.verify();
}

#[test]
fn a_hang_up_is_replayed_and_a_command_without_answer_gets_none() {
    let mock = Mock::monitor();
    mock.on("lost").event("LAST", ()).hang_up();
    let session = |qemu: Client| {
        let last = qemu.event().timeout(PLENTY);
        let error = qemu.execute("lost").run().unwrap_err();
        assert!(error.is_disconnected(), "{error}");
        assert_eq!(last.run().unwrap().name(), "LAST");
    };
    let (_folder, path) = record(&mock, session);
    let replay = Mock::replay(&path).unwrap();
    session(qmp_blocking::connect(replay.address()).unwrap());
    replay.verify();
}

#[test]
fn recorded_delays_can_be_replayed() {
    let mock = Mock::monitor();
    mock.on("slow").delay(Duration::from_millis(80)).return_empty();
    let (_folder, path) = record(&mock, |qemu| drop(qemu.execute("slow").run().unwrap()));
    let time = |mock: Mock| {
        let qemu = qmp_blocking::connect(mock.address()).unwrap();
        let started = Instant::now();
        qemu.execute("slow").run().unwrap();
        started.elapsed()
    };
    let slow = time(Recording::open(&path).unwrap().at_recorded_pace().replay());
    assert!(slow >= Duration::from_millis(78), "{slow:?}");
    let fastest = (0..10).map(|_| time(Mock::replay(&path).unwrap())).min().unwrap();
    assert!(fastest < Duration::from_millis(78), "{fastest:?}");
}

#[test]
fn an_agent_is_replayed_as_an_agent() {
    let mock = Mock::agent();
    mock.on("guest-get-time").answer(7);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    let session = |agent: Client| {
        agent.execute("guest-ping").run().unwrap();
        agent.sync().unwrap();
        agent.execute("guest-get-time").run().unwrap().decode::<i64>().unwrap()
    };
    let recorder = Recorder::start(mock.address(), &path).unwrap();
    assert_eq!(session(qmp_blocking::connect_agent(recorder.address()).unwrap()), 7);
    recorder.finish().unwrap();
    let replay = Mock::replay(&path).unwrap();
    assert_eq!(session(qmp_blocking::connect_agent(replay.address()).unwrap()), 7);
    replay.verify();
    assert!(fs::metadata(&path).unwrap().len() > 0);
}
