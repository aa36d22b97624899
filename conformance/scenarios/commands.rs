//! Commands and events.

use std::fs::File;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use qmp_driver::{Command, ErrorClass, Outcome, Runtime};
use serde_json::{Value, json};

use super::{builder, compute, join_all, names, poll_and_drop};
use crate::conformance::server::{PLENTY, Suite};

#[derive(serde::Serialize)]
struct QueryVersion;

#[derive(serde::Deserialize)]
struct Version {
    qemu: Number,
}

#[derive(serde::Deserialize)]
struct Number {
    major: u32,
    minor: u32,
}

impl Command for QueryVersion {
    const NAME: &'static str = "query-version";
    type Output = Version;
}

pub(crate) async fn commands_are_answered<R: Runtime>(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.connect(builder::<R>).await;
    let greeted = qemu.version().unwrap();
    let version = qemu.call(&QueryVersion).await.unwrap().qemu;
    assert_eq!((version.major, version.minor), (greeted.major, greeted.minor));
    let status: Value = qemu.execute("query-status").await.unwrap().decode().unwrap();
    assert_eq!(status["running"], false);
    let error = qemu.execute("no-such-command").await.unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::CommandNotFound), "{error}");
    assert_eq!(error.outcome(), Outcome::Answered);
    let raw = qemu.raw(r#"{"execute": "query-name", "id": ["mine", 1]}"#).await.unwrap();
    assert_eq!(raw, br#"{"return": {}, "id": ["mine", 1]}"#);
    let schema = qemu.execute("query-qmp-schema").await.unwrap();
    assert!(schema.decode::<Vec<Value>>().unwrap().len() > 500);
    qemu.close().await.unwrap();
    let again = server.connect(builder::<R>).await;
    again.execute("query-status").await.unwrap();
}

pub(crate) async fn many_are_in_flight<R: Runtime>(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.connect(builder::<R>).await;
    let results = join_all((0..500).map(|number| compute(&qemu, number))).await;
    assert!(results.len() == 500 && results.iter().all(Result::is_ok));
    assert_eq!(qemu.in_flight(), 0);
}

pub(crate) async fn dropped_commands_cost_nobody_else<R: Runtime>(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.connect(builder::<R>).await;
    let rounds = (0..400_usize).map(|number| {
        let qemu = qemu.clone();
        async move {
            for round in 0..5 {
                let number = number * 10 + round;
                match number % 3 {
                    0 => compute(&qemu, number).await.unwrap(),
                    _ => {
                        let done = poll_and_drop(compute(&qemu, number), number % 7).await;
                        done.unwrap_or(Ok(())).unwrap();
                    }
                }
            }
        }
    });
    join_all(rounds).await;
    join_all((0..100).map(|number| compute(&qemu, number))).await;
    assert_eq!(qemu.in_flight(), 0, "{qemu:?}");
    assert!(format!("{qemu:?}").contains("waiting: 0"), "{qemu:?}");
}

pub(crate) async fn out_of_band_commands_run<R: Runtime>(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.connect(|| builder::<R>().out_of_band()).await;
    assert!(qemu.is_out_of_band() && qemu.supports("oob"));
    let pause = async {
        let error = qemu.execute("migrate-pause").out_of_band().await.unwrap_err();
        assert_eq!(error.class(), Some(ErrorClass::GenericError), "{error}");
    };
    let in_band = join_all((0..40).map(|number| compute(&qemu, number)));
    let results = {
        let mut pause = Box::pin(pause);
        let mut in_band = Box::pin(in_band);
        let mut results = (None, None);
        poll_fn(|cx| {
            if results.0.is_none() {
                if let Poll::Ready(done) = in_band.as_mut().poll(cx) {
                    results.0 = Some(done);
                }
            }
            if results.1.is_none() {
                if let Poll::Ready(done) = pause.as_mut().poll(cx) {
                    results.1 = Some(done);
                }
            }
            match results {
                (Some(_), Some(())) => Poll::Ready(()),
                _ => Poll::Pending,
            }
        })
        .await;
        results
    };
    assert!(results.0.unwrap().into_iter().all(|result| result.is_ok()));
}

pub(crate) async fn each_command_gets_its_own_file<R: Runtime>(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.connect(builder::<R>).await;
    let sets = [11_u64, 22, 33, 44];
    let add = sets.map(|set| {
        let path = server.path(&format!("sectors{set}"));
        File::create(&path).unwrap().set_len(set * 512).unwrap();
        qemu.execute("add-fd")
            .argument("fdset-id", &set)
            .argument("opaque", &format!("file {set}"))
            .descriptor(File::open(path).unwrap())
            .into_future()
    });
    for (set, added) in sets.into_iter().zip(join_all(add).await) {
        let added: Value = added.unwrap().decode().unwrap();
        assert_eq!(added["fdset-id"], set);
    }
    for set in sets {
        let node = format!("node{set}");
        let file = format!("/dev/fdset/{set}");
        let options =
            json!({"driver": "file", "filename": file, "read-only": true, "node-name": node});
        qemu.execute("blockdev-add").arguments(&options).await.unwrap();
        let nodes = qemu.execute("query-named-block-nodes").await.unwrap();
        let nodes: Vec<Value> = nodes.decode().unwrap();
        let found = nodes.iter().find(|found| found["node-name"] == node).unwrap();
        assert_eq!(found["image"]["virtual-size"], set * 512);
    }
}

pub(crate) async fn an_event_is_there_before_the_answer<R: Runtime>(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.connect(builder::<R>).await;
    let mut events = qemu.events().named("STOP").named("RESUME").subscribe();
    for _ in 0..50 {
        let resume = qemu.event().named("RESUME").deadline(PLENTY);
        qemu.execute("cont").await.unwrap();
        assert_eq!(names(&mut events), ["RESUME"]);
        assert!(resume.await.unwrap().timestamp().is_some());
        qemu.execute("stop").await.unwrap();
        assert_eq!(names(&mut events), ["STOP"]);
    }
    let never = qemu.event().named("NEVER").deadline(Duration::from_millis(20));
    assert!(never.await.unwrap_err().is_timeout());
}
