//! The mock in asynchronous tests.

use std::time::Duration;

use qmp_mock::Mock;
use qmp_tokio::EventItem;
use serde_json::{Value, json};

#[tokio::test]
async fn many_tasks_share_a_connection_to_the_mock() {
    let mock = Mock::monitor();
    mock.on("double").answer_with(|command| {
        let arguments: Value = command.decode().unwrap();
        Ok(json!(arguments["n"].as_i64().unwrap() * 2))
    });
    let qemu = qmp_tokio::connect(mock.address()).await.unwrap();
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let qemu = qemu.clone();
            tokio::spawn(async move {
                let twice = qemu.execute("double").argument("n", n).await.unwrap();
                twice.decode::<i64>().unwrap()
            })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap(), 2 * n as i64);
    }
    assert_eq!(mock.received().len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_hang_ups_reach_a_task_that_waits() {
    let mock = Mock::monitor();
    let qemu = qmp_tokio::connect(mock.address()).await.unwrap();
    let mut events = qemu.events().subscribe();
    mock.event("STOP", ());
    let Some(EventItem::Event(stop)) = events.recv().await else {
        panic!("no event");
    };
    assert_eq!(stop.name(), "STOP");
    let held = mock.gate();
    mock.on("slow").hold(&held);
    let slow = tokio::spawn({
        let qemu = qemu.clone();
        async move { qemu.execute("slow").await.unwrap_err() }
    });
    tokio::task::block_in_place(|| mock.wait_for("slow"));
    mock.hang_up();
    let error = tokio::time::timeout(Duration::from_secs(30), slow).await.unwrap().unwrap();
    assert!(error.is_disconnected(), "{error}");
}
