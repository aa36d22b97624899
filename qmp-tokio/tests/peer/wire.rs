//! Looking at the wire.

use std::sync::{Arc, Mutex};

use qmp_tokio::{Client, Direction};
use tokio::task::JoinSet;

use crate::peer::{connect, connect_with, event};

type Log = Arc<Mutex<Vec<(Direction, String)>>>;

fn record(log: &Log) -> impl FnMut(Direction, &[u8]) + Send + 'static {
    let log = Arc::clone(log);
    move |direction, message| {
        let message = String::from_utf8(message.to_vec()).unwrap();
        log.lock().unwrap().push((direction, message));
    }
}

async fn number(client: &Client, number: usize) {
    let reply = client.execute("number").argument("number", number).await.unwrap();
    assert_eq!(reply.decode::<usize>().unwrap(), number);
}

#[tokio::test]
async fn a_hook_sees_all_from_the_greeting_on_in_order_and_no_secret() {
    let log = Log::default();
    let client = connect_with(qmp_tokio::builder().on_wire(record(&log)), |mut peer| {
        peer.send(&event("STOP", 1));
        peer.echo();
    })
    .await;
    client.events().with_backlog().subscribe().recv().await.unwrap();
    let password = client.execute("set_password").argument("number", 1);
    password.argument("password", "hunter2").await.unwrap();
    let log = log.lock().unwrap();
    let seen: Vec<_> = log.iter().map(|(direction, message)| (*direction, &**message)).collect();
    use Direction::{Received, Sent};
    let [
        (Received, greeting),
        (Sent, negotiation),
        (Received, ready),
        (Received, stop),
        (Sent, password),
        (Received, answer),
    ] = seen[..]
    else {
        panic!("{seen:#?}")
    };
    assert!(greeting.starts_with("{\"QMP\"") && negotiation.contains("qmp_capabilities"));
    assert!(ready.contains("\"return\": {}") && stop.contains("STOP"), "{ready} {stop}");
    assert!(password.contains("set_password") && !password.contains("hunter2"), "{password}");
    assert!(answer.contains("\"return\": 1"), "{answer}");
}

/// The hook of a busy connection sees each message once, each command before its answer, and may
/// use the client.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn the_order_is_that_of_the_wire_whoever_sends() {
    let client = connect(crate::peer::Peer::echo).await;
    let log = Log::default();
    let (mut record, user) = (record(&log), client.clone());
    client.watch_wire(move |direction, message| {
        assert!(user.in_flight() <= 64);
        drop(user.event());
        record(direction, message);
    });
    let tasks: JoinSet<_> = (0..8)
        .map(|task| {
            let client = client.clone();
            async move {
                for round in 0..100 {
                    number(&client, task * 100 + round).await;
                }
            }
        })
        .collect();
    tasks.join_all().await;
    let log = log.lock().unwrap();
    assert_eq!(log.len(), 1600);
    let mut open = std::collections::HashMap::new();
    for (direction, message) in log.iter() {
        let message: serde_json::Value = serde_json::from_str(message).unwrap();
        let id = message["id"].to_string();
        match direction {
            Direction::Sent => {
                let number = message["arguments"]["number"].clone();
                assert!(open.insert(id, number).is_none(), "{message}");
            }
            Direction::Received => assert_eq!(open.remove(&id).unwrap(), message["return"]),
        }
    }
    client.abort();
}

#[tokio::test]
async fn a_hook_can_set_another_from_inside() {
    let client = connect(crate::peer::Peer::echo).await;
    let log = Log::default();
    let (user, later) = (client.clone(), Arc::clone(&log));
    client.watch_wire(move |_, _| user.watch_wire(record(&later)));
    let both = async {
        number(&client, 1).await;
        log.lock().unwrap().clear();
        number(&client, 2).await;
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), both).await.unwrap();
    let directions: Vec<_> = log.lock().unwrap().iter().map(|(direction, _)| *direction).collect();
    assert_eq!(directions, [Direction::Sent, Direction::Received]);
    client.abort();
}

#[tokio::test]
async fn a_hook_that_panics_is_not_called_again() {
    let client = connect(crate::peer::Peer::echo).await;
    let calls = Arc::new(Mutex::new(0));
    let count = Arc::clone(&calls);
    client.watch_wire(move |_, _| {
        *count.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += 1;
        panic!("a hook");
    });
    for round in 0..3 {
        number(&client, round).await;
    }
    assert_eq!(*calls.lock().unwrap(), 1);
}

#[tokio::test]
async fn the_deadline_of_commands_can_be_set_later() {
    let client = connect(|mut peer| while peer.receive().is_some() {}).await;
    let made_before = client.execute("x");
    client.set_timeout(Some(std::time::Duration::from_millis(20))).unwrap();
    assert!(client.clone().execute("x").await.unwrap_err().is_timeout());
    client.set_timeout(None).unwrap();
    let forever = tokio::time::timeout(std::time::Duration::from_millis(50), client.execute("x"));
    assert!(forever.await.is_err());
    let forever = tokio::time::timeout(std::time::Duration::from_millis(50), made_before);
    assert!(forever.await.is_err());
}
