//! The clock.

use std::time::{Duration, Instant};

use qmp_tokio::{ErrorKind, Outcome};
use tokio::time::timeout;

use crate::peer::{PLENTY, connect, connect_with, event, pair};

const MOMENT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_late_answer_leaves_the_outcome_unknown_and_the_connection_usable() {
    let client = connect(|mut peer| {
        let late = peer.receive().unwrap();
        let next = peer.receive().unwrap();
        peer.answer(&late, "\"late\"");
        peer.answer(&next, "\"next\"");
        peer.receive();
    })
    .await;
    let error = client.execute("slow").timeout(MOMENT).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoReply { waited, .. } if *waited >= MOMENT));
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(error.command(), Some("slow"));
    let reply = client.execute("next").timeout(PLENTY).await.unwrap();
    assert_eq!(reply.decode::<String>().unwrap(), "next");
}

#[tokio::test]
async fn a_turn_that_does_not_come_in_time_sends_nothing() {
    let client = connect(|mut peer| {
        for _ in 0..64 {
            peer.receive().unwrap();
        }
        assert_eq!(peer.receive(), None);
    })
    .await;
    let held: tokio::task::JoinSet<_> = (0..64).map(|_| client.execute("held")).collect();
    while client.in_flight() < 64 {
        tokio::task::yield_now().await;
    }
    let started = Instant::now();
    let waits = (1..=3).map(|times| client.execute("x").timeout(MOMENT * times));
    let waits: tokio::task::JoinSet<_> = waits.collect();
    for result in waits.join_all().await {
        let error = result.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::NotSentInTime { .. }), "{error}");
        assert_eq!(error.outcome(), Outcome::NotSent);
        assert!(error.to_string().contains("64 requests are unanswered"), "{error}");
    }
    assert!(started.elapsed() >= MOMENT * 3);
    client.abort();
    for result in held.join_all().await {
        assert_eq!(result.unwrap_err().outcome(), Outcome::Unknown);
    }
}

#[tokio::test]
async fn deadlines_ring_in_their_order_whatever_the_order_they_were_set_in() {
    let client = connect(|mut peer| while peer.receive().is_some() {}).await;
    let started = Instant::now();
    let mut set = tokio::task::JoinSet::new();
    for times in [9_u32, 3, 6, 1, 40] {
        let command = client.execute("x").timeout(MOMENT * times);
        set.spawn(async move {
            let error = command.await.unwrap_err();
            assert!(error.is_timeout(), "{error}");
            (times, started.elapsed())
        });
    }
    for expected in [1, 3, 6, 9] {
        let (times, elapsed) = set.join_next().await.unwrap().unwrap();
        assert_eq!(times, expected);
        assert!(elapsed >= MOMENT * times);
    }
    set.abort_all();
}

#[tokio::test]
async fn a_stopped_clock_is_obeyed() {
    let client = connect(|mut peer| while peer.receive().is_some() {}).await;
    tokio::time::pause();
    let started = (Instant::now(), tokio::time::Instant::now());
    let error = client.execute("x").timeout(Duration::from_secs(3600)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoReply { waited, .. } if waited.as_secs() >= 3600));
    assert!(started.0.elapsed() < PLENTY && started.1.elapsed().as_secs() >= 3600);
}

#[tokio::test]
async fn a_command_without_an_answer_succeeds_after_ten_seconds() {
    let client = connect(|mut peer| while peer.receive().is_some() {}).await;
    tokio::time::pause();
    let started = tokio::time::Instant::now();
    client.execute("guest-shutdown").await.unwrap();
    client.execute("other").no_success_response().await.unwrap();
    assert_eq!(started.elapsed().as_secs(), 20);
}

#[tokio::test]
async fn the_builder_sets_a_deadline_for_all() {
    let builder = qmp_tokio::builder().timeout(MOMENT);
    let client = connect_with(builder, |mut peer| while peer.receive().is_some() {}).await;
    assert!(client.execute("x").await.unwrap_err().is_timeout());
    assert!(client.raw("{\"execute\":\"x\"}").await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn an_event_that_does_not_come_is_named() {
    let client = connect(|mut peer| {
        peer.send(&event("RESUME", 1));
        while peer.receive().is_some() {}
    })
    .await;
    let wait = client.event().named("STOP").named("SHUTDOWN").timeout(MOMENT);
    let error = wait.await.unwrap_err();
    assert!(error.is_timeout());
    assert!(error.to_string().starts_with("no STOP or SHUTDOWN in "), "{error}");
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let transport = pair(|mut peer| while peer.receive().is_some() {});
    let builder = qmp_tokio::builder().handshake_timeout(MOMENT);
    let (client, driver) = builder.build_over(transport, "peer").unwrap();
    let running = tokio::spawn(driver);
    let early = tokio::spawn(client.execute("x"));
    let error = timeout(PLENTY, client.ready()).await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::HandshakeTimeout { .. }), "{error:?}");
    assert!(error.to_string().contains("connect_agent"), "{error}");
    assert_eq!(early.await.unwrap().unwrap_err().outcome(), Outcome::NotSent);
    running.await.unwrap();
    let again = client.ready().await.unwrap_err();
    assert!(matches!(again.kind(), ErrorKind::HandshakeTimeout { .. }), "{again:?}");
}
