//! The crate `qmp`.

// clippy.toml allows it in tests, but not in their shared code.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use qmp::{Client, Endpoint, Error};
use qmp_mock::{ErrorClass, Mock};
use serde_json::{Value, json};

const NONE: Option<()> = None;

async fn connect(mock: &Mock) -> Client {
    Client::connect(Endpoint::unix(mock.path())).await.unwrap()
}

#[tokio::test]
async fn answers_and_errors_reach_it() {
    let mock = Mock::monitor();
    mock.on("x").with(json!({"a": "é\"\\"})).answer(json!({"b": [1, 2.5, null]}));
    mock.on("y").return_error(ErrorClass::DeviceNotFound, "no such device");
    let qemu = connect(&mock).await;
    let answer: Value = qemu.execute("x", Some(json!({"a": "é\"\\"}))).await.unwrap();
    assert_eq!(answer, json!({"b": [1, 2.5, null]}));
    let error = qemu.execute::<_, Value>("y", NONE).await.unwrap_err();
    assert!(matches!(error, Error::Qmp { .. }), "{error:?}");
    assert!(error.to_string().contains("no such device"), "{error}");
    mock.verify();
}

#[tokio::test]
async fn tasks_get_their_own_answers() {
    let mock = Mock::monitor();
    mock.on("echo").answer_with(|command| Ok(command.decode::<Value>().unwrap()));
    let qemu = connect(&mock).await;
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let qemu = qemu.clone();
            tokio::spawn(async move {
                let answer: Value = qemu.execute("echo", Some(json!({"n": n}))).await.unwrap();
                answer["n"] == n
            })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    mock.verify();
}

#[tokio::test]
async fn events_reach_it() {
    let mock = Mock::monitor();
    let qemu = connect(&mock).await;
    let mut events = qemu.events();
    mock.event("DEVICE_DELETED", json!({"device": "net0"}));
    let event = tokio::time::timeout(Duration::from_secs(30), events.recv()).await;
    let event = event.unwrap().unwrap();
    assert_eq!((event.name.as_str(), &event.data["device"]), ("DEVICE_DELETED", &json!("net0")));
    assert!(event.timestamp.is_some());
}

#[tokio::test]
async fn a_hang_up_ends_the_command_and_it_can_come_again() {
    let mock = Mock::monitor();
    mock.on("lost").hang_up();
    let qemu = connect(&mock).await;
    let lost = qemu.execute::<_, Value>("lost", NONE);
    let error = tokio::time::timeout(Duration::from_secs(30), lost).await.unwrap().unwrap_err();
    assert!(!matches!(error, Error::Qmp { .. }), "{error:?}");
    let again = connect(&mock).await;
    let status: Value = again.execute("query-status", NONE).await.unwrap();
    assert_eq!(status["status"], "running");
    mock.verify();
}
