//! The ends of connections.

use std::time::Duration;

use qmp_tokio::{Client, CloseReason, Error, ErrorKind, EventItem, Outcome, State};
use tokio::time::timeout;

use crate::peer::{GREETING, PLENTY, connect, connect_with, event, pair};

fn reason(error: &Error) -> &CloseReason {
    match error.kind() {
        ErrorKind::Disconnected { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

async fn sent(client: &Client, count: usize) {
    while client.in_flight() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn dropping_the_driver_wakes_everybody() {
    let transport = pair(|mut peer| {
        peer.greet();
        while peer.receive().is_some() {}
    });
    let (client, driver) = qmp_tokio::builder().build_over(transport, "peer").unwrap();
    let driver = tokio::spawn(driver);
    client.ready().await.unwrap();
    let commands: tokio::task::JoinSet<_> = (0..70).map(|_| client.execute("x")).collect();
    let wait = tokio::spawn(client.event());
    let mut events = client.events().subscribe();
    let recv = tokio::spawn(async move { (events.recv().await, events.close_reason()) });
    let watcher = client.clone();
    let closed = tokio::spawn(async move { watcher.closed().await });
    sent(&client, 64).await;
    driver.abort();
    let results = timeout(PLENTY, commands.join_all()).await.unwrap();
    let unknown = results.iter().filter(|result| {
        let error = result.as_ref().unwrap_err();
        assert!(matches!(reason(error), CloseReason::ByUs), "{error:?}");
        error.outcome() == Outcome::Unknown
    });
    assert_eq!(unknown.count(), 64);
    assert!(wait.await.unwrap().unwrap_err().is_disconnected());
    let (queued, end) = recv.await.unwrap();
    assert!(queued.is_none() && matches!(end, Some(CloseReason::ByUs)));
    assert!(matches!(closed.await.unwrap(), CloseReason::ByUs));
    assert!(matches!(client.state(), State::Closed(_)));
    let error = client.execute("x").await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
}

#[tokio::test]
async fn dropping_a_driver_that_was_never_polled_wakes_everybody() {
    let transport = pair(|mut peer| while peer.receive().is_some() {});
    let (client, driver) = qmp_tokio::builder().build_over(transport, "peer").unwrap();
    let waiting = tokio::spawn(client.execute("x"));
    tokio::task::yield_now().await;
    drop(driver);
    assert_eq!(waiting.await.unwrap().unwrap_err().outcome(), Outcome::NotSent);
    assert!(client.ready().await.unwrap_err().is_disconnected());
}

#[tokio::test]
async fn the_end_of_the_stream_is_told_apart_by_when_it_comes() {
    for (said, text) in [
        ("", "waiting for the greeting"),
        (&GREETING[..20], "waiting for the greeting"),
        (GREETING, "capabilities are being negotiated"),
    ] {
        let transport = pair(move |mut peer| {
            peer.send(said);
            if said == GREETING {
                peer.receive().unwrap();
            }
        });
        let error = qmp_tokio::builder().connect_over(transport, "peer").await.unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }

    let client = connect(|_| std::thread::sleep(Duration::from_millis(50))).await;
    assert!(matches!(client.closed().await, CloseReason::Closed));

    let client = connect(|mut peer| {
        peer.receive().unwrap();
    })
    .await;
    let error = client.execute("x").await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!(error.to_string().contains("with a request unanswered"), "{error}");

    let client = connect(|mut peer| {
        peer.receive().unwrap();
        peer.send("{\"return\": {");
    })
    .await;
    let error = client.execute("x").await.unwrap_err();
    assert!(error.to_string().contains("inside a message"), "{error}");
}

#[tokio::test]
async fn quit_and_a_shutdown_succeed_at_the_end() {
    for command in ["quit", "guest-shutdown"] {
        let client = connect(|mut peer| {
            peer.receive().unwrap();
        })
        .await;
        let reply = client.execute(command).await.unwrap();
        assert_eq!(reply.json().unwrap().as_str(), "{}");
        assert!(matches!(client.closed().await, CloseReason::Closed));
    }
}

#[tokio::test]
async fn what_was_said_before_the_end_is_heard() {
    let client = connect(|mut peer| {
        let message = peer.receive().unwrap();
        peer.answer(&message, "\"last\"");
        peer.send(&event("SHUTDOWN", 1));
    })
    .await;
    let mut events = client.events().subscribe();
    let reply = client.execute("x").await.unwrap();
    assert_eq!(reply.decode::<String>().unwrap(), "last");
    assert!(matches!(client.closed().await, CloseReason::Closed));
    assert_eq!(events.drain().len(), 1);
    assert!(events.recv().await.is_none());
    assert!(matches!(events.close_reason(), Some(CloseReason::Closed)));
}

#[tokio::test]
async fn an_answer_before_garbage_arrives() {
    let client = connect(|mut peer| {
        let first = peer.receive().unwrap();
        let second = peer.receive().unwrap();
        let id = crate::peer::id(&first);
        peer.send(&format!("{{\"return\": 1, \"id\": {id}}}\r\nrubbish\r\n"));
        drop(second);
        while peer.receive().is_some() {}
    })
    .await;
    let (first, second) = tokio::join!(client.execute("a"), client.execute("b"));
    assert_eq!(first.unwrap().decode::<u32>().unwrap(), 1);
    let error = second.unwrap_err();
    assert!(matches!(reason(&error), CloseReason::Malformed(_)), "{error:?}");
    assert!(error.to_string().contains("rubbish"), "{error}");
}

#[tokio::test]
async fn garbage_can_be_tolerated() {
    let builder = qmp_tokio::builder().tolerate_malformed();
    let client = connect_with(builder, |mut peer| {
        peer.send("warning: something\r\n");
        peer.echo();
    })
    .await;
    client.execute("x").argument("number", 1).await.unwrap();
}

#[tokio::test]
async fn closing_waits_for_answers_and_takes_no_more_commands() {
    let client = connect(|mut peer| {
        let message = peer.receive().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        peer.answer(&message, "7");
        assert_eq!(peer.receive(), None);
    })
    .await;
    let command = tokio::spawn(client.execute("x"));
    sent(&client, 1).await;
    let closing = client.clone();
    let closing = tokio::spawn(async move { closing.close().await });
    assert!(matches!(client.state_after(&State::Ready).await, State::Closing));
    let refused = client.execute("late").await.unwrap_err();
    assert_eq!(refused.outcome(), Outcome::NotSent);
    assert_eq!(command.await.unwrap().unwrap().decode::<u32>().unwrap(), 7);
    closing.await.unwrap().unwrap();
    assert!(matches!(client.closed().await, CloseReason::ByUs));
    client.close().await.unwrap();
}

#[tokio::test]
async fn closing_ends_with_its_deadline() {
    let builder = qmp_tokio::builder().handshake_timeout(Duration::from_millis(100));
    let client = connect_with(builder, |mut peer| while peer.receive().is_some() {}).await;
    let command = tokio::spawn(client.execute("x"));
    sent(&client, 1).await;
    let error = client.close().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(command.await.unwrap().unwrap_err().outcome(), Outcome::Unknown);
}

#[tokio::test]
async fn the_last_client_takes_the_connection_with_it_but_not_what_it_sent() {
    let (report, heard) = std::sync::mpsc::channel();
    let client = connect(move |mut peer| {
        std::thread::sleep(Duration::from_millis(50));
        let mut count = 0;
        while peer.receive().is_some() {
            count += 1;
        }
        report.send(count).unwrap();
    })
    .await;
    let mut events = client.events().subscribe();
    let text = "x".repeat(100_000);
    for _ in 0..20 {
        let mut command = Box::pin(client.execute("x").argument("text", &text));
        std::future::poll_fn(|cx| {
            assert!(command.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
    }
    let other = client.clone();
    drop(client);
    other.event().timeout(Duration::from_millis(10)).await.unwrap_err();
    assert!(events.close_reason().is_none());
    drop(other);
    assert!(events.recv().await.is_none());
    assert_eq!(heard.recv().unwrap(), 20);
}

#[tokio::test]
async fn a_command_under_way_keeps_the_connection() {
    let client = connect(|mut peer| {
        let message = peer.receive().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        peer.answer(&message, "1");
        assert_eq!(peer.receive(), None);
    })
    .await;
    let command = client.execute("x");
    drop(client);
    assert_eq!(command.await.unwrap().decode::<u32>().unwrap(), 1);
}

/// It answers nothing after it stops reading, and what it said before is heard.
#[tokio::test]
async fn a_server_that_stops_reading_is_still_heard() {
    let client = connect(|mut peer| {
        peer.stream().shutdown(std::net::Shutdown::Read).unwrap();
        peer.send(&event("STOP", 1));
        std::thread::sleep(Duration::from_millis(50));
    })
    .await;
    std::thread::sleep(Duration::from_millis(20));
    let mut events = client.events().with_backlog().subscribe();
    let error = client.execute("x").await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!(matches!(events.recv().await, Some(EventItem::Event(_))));
    assert!(events.recv().await.is_none());
}

/// The answer to the negotiation and the end may be read together: then there is no client, and the
/// error says why.
#[tokio::test]
async fn a_server_that_closes_right_after_the_negotiation_is_told_of() {
    for _ in 0..100 {
        let transport = pair(|mut peer| peer.greet());
        match qmp_tokio::builder().connect_over(transport, "peer").await {
            Ok(client) => assert!(matches!(client.closed().await, CloseReason::Closed)),
            Err(error) => assert!(matches!(reason(&error), CloseReason::Closed), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn closing_may_be_asked_for_twice_and_cut_short() {
    let client = connect(|mut peer| while peer.receive().is_some() {}).await;
    let command = tokio::spawn(client.execute("x"));
    sent(&client, 1).await;
    let closing = async || client.close().await;
    let abort = async {
        client.state_after(&State::Ready).await;
        client.abort();
    };
    let (first, second, ()) = tokio::join!(closing(), closing(), abort);
    first.and(second).unwrap();
    assert_eq!(command.await.unwrap().unwrap_err().outcome(), Outcome::Unknown);
    assert!(matches!(client.closed().await, CloseReason::ByUs));
}

#[tokio::test]
async fn closing_ends_with_its_deadline_though_nothing_can_be_written() {
    let builder = qmp_tokio::builder().handshake_timeout(Duration::from_millis(500));
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let client = connect_with(builder, move |_peer| {
        let _ = stopped.recv();
    })
    .await;
    let long = "x".repeat(8 << 20);
    let command = tokio::spawn(client.execute("x").argument("text", &long));
    sent(&client, 1).await;
    let error = timeout(PLENTY, client.close()).await.unwrap().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(command.await.unwrap().unwrap_err().outcome(), Outcome::Unknown);
    drop(stop);
}
