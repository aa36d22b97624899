//! The crate `qapi` on tokio.

// clippy.toml allows it in tests, but not in their shared code.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use qapi::futures::{QgaStreamTokio, QmpStreamTokio};
use qapi::qmp::{Event, query_version, stop};
use qmp_mock::Mock;

#[tokio::test]
async fn many_tasks_get_their_answers() {
    let mock = Mock::monitor();
    let stream = QmpStreamTokio::open_uds(mock.path()).await.unwrap();
    let (qemu, _reader) = stream.negotiate().await.unwrap().spawn_tokio();
    let qemu = Arc::new(qemu);
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let qemu = Arc::clone(&qemu);
            tokio::spawn(async move { qemu.execute(query_version {}).await.unwrap().qemu.major })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 10);
    }
    assert_eq!(mock.received().len(), 50);
    mock.verify();
}

#[tokio::test]
async fn events_come_in_their_order_beside_answers() {
    let mock = Mock::monitor();
    mock.on("stop").event("STOP", ()).return_empty().event("RESUME", ());
    let stream = QmpStreamTokio::open_uds(mock.path()).await.unwrap();
    let (qemu, mut events) = stream.negotiate().await.unwrap().into_parts();
    let seen = async {
        let first = events.next().await.unwrap().unwrap();
        let second = events.next().await.unwrap().unwrap();
        (first, second)
    };
    let both = futures::future::join(qemu.execute(stop {}), seen);
    let (done, seen) = tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();
    done.unwrap();
    assert!(matches!(seen, (Event::STOP { .. }, Event::RESUME { .. })), "{seen:?}");
    mock.verify();
}

#[tokio::test]
async fn an_agent_is_synced_and_pinged() {
    let mock = Mock::agent();
    let stream = QgaStreamTokio::open_uds(mock.path()).await.unwrap();
    let (agent, _reader) = stream.spawn_tokio();
    agent.guest_sync(77).await.unwrap();
    agent.execute(qapi::qga::guest_ping {}).await.unwrap();
    mock.verify();
}
