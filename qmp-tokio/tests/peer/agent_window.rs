//! What a guest agent has not answered stays under 4096 bytes, or is one command.

use std::time::Duration;

use qmp_tokio::{Client, ErrorKind, Outcome};
use tokio::task::JoinSet;

use crate::peer::{PLENTY, Peer, pair};

async fn connect(agent: impl FnOnce(Peer) + Send + 'static) -> Client {
    let transport = pair(|mut peer| {
        peer.sync();
        agent(peer);
    });
    qmp_tokio::builder().agent().connect_over(transport, "agent").await.unwrap()
}

async fn write(client: &Client, length: usize) {
    let write = client.execute("guest-file-write").argument("b", "A".repeat(length));
    write.timeout(PLENTY).await.unwrap();
}

#[tokio::test]
async fn long_commands_of_many_tasks_take_turns() {
    let client = connect(|mut peer| {
        while let Some(first) = peer.receive() {
            let mut unanswered = vec![first];
            // All that comes without an answer.
            peer.stream().set_read_timeout(Some(Duration::from_millis(5))).unwrap();
            unanswered.extend(std::iter::from_fn(|| peer.receive()));
            peer.stream().set_read_timeout(None).unwrap();
            let length: usize = unanswered.iter().map(|message| message.len() + 1).sum();
            // The client is told by the end of the connection if not.
            assert!(length < 4096 || unanswered.len() == 1, "{length} bytes");
            unanswered.iter().for_each(|message| peer.answer(message, "{}"));
        }
    })
    .await;
    let mut tasks = JoinSet::new();
    for task in 0..6 {
        let client = client.clone();
        tasks.spawn(async move {
            for length in [10, 1000, 3000, 2000, 1500, 4100, 50, 3900, 2500, 100] {
                write(&client, length + task).await;
            }
        });
    }
    tasks.join_all().await;
}

/// It would have failed by then, and an agent answers nothing else.
#[tokio::test]
async fn a_command_without_an_answer_holds_nobody_up_once_it_has_succeeded() {
    for dropped in [false, true] {
        let client = connect(|mut peer| {
            let suspend = peer.receive().unwrap();
            assert!(suspend.contains("guest-suspend-ram"), "{suspend}");
            let write = peer.receive().unwrap();
            peer.answer(&write, "{}");
            peer.receive();
        })
        .await;
        tokio::time::pause();
        let suspend = client.execute("guest-suspend-ram");
        // Without a deadline: the clock stands, and jumps where everybody waits.
        let long = "A".repeat(5000);
        let write = client.execute("guest-file-write").argument("b", &long);
        let written = if dropped {
            let asleep = tokio::time::timeout(Duration::from_secs(1), suspend);
            let (asleep, written) = tokio::join!(asleep, write);
            assert!(asleep.is_err());
            written
        } else {
            let (asleep, written) = tokio::join!(suspend, write);
            asleep.unwrap();
            written
        };
        written.unwrap();
        tokio::time::resume();
    }
}

#[tokio::test]
async fn commands_that_nobody_waits_for_any_more_are_named_and_freed_by_a_sync() {
    let client = connect(|mut peer| {
        peer.receive().unwrap();
        // It answers nothing but another sync.
        let sync = peer.receive().unwrap();
        peer.answer_sync(&sync);
        let write = peer.receive().unwrap();
        peer.answer(&write, "{}");
        peer.receive();
    })
    .await;
    let moment = Duration::from_millis(50);
    let long = "A".repeat(5000);
    let late = client.execute("guest-file-write").argument("b", &long).timeout(moment);
    assert_eq!(late.await.unwrap_err().outcome(), Outcome::Unknown);
    let held = client.execute("guest-ping").timeout(moment).await.unwrap_err();
    assert!(matches!(held.kind(), ErrorKind::NotSentInTime { .. }), "{held:#?}");
    assert_eq!(held.outcome(), Outcome::NotSent);
    assert!(held.to_string().contains("sync with an agent again to free them"), "{held}");
    client.sync().await.unwrap();
    write(&client, 5000).await;
}
