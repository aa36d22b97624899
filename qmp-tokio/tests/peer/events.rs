//! Events.

use std::time::Duration;

use qmp_tokio::{Builder, Client, ErrorKind, Event, EventItem, RawJson, Tokio};

use crate::peer::{PLENTY, answer_to, connect, event, pair};

fn number(event: &Event) -> usize {
    let data: serde_json::Value = event.decode().unwrap();
    data["number"].as_u64().unwrap() as usize
}

fn the_event(item: EventItem) -> Event {
    match item {
        EventItem::Event(event) => event,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_event_before_an_answer_is_there_when_the_answer_is() {
    let client = connect(|mut peer| {
        for round in 0.. {
            let Some(message) = peer.receive() else {
                return;
            };
            let id = crate::peer::id(&message);
            let answer = format!("{{\"return\": {{}}, \"id\": {id}}}\r\n");
            match round % 2 {
                0 => peer.send(&format!("{}{answer}", event("STOP", round))),
                _ => {
                    peer.send(&event("STOP", round));
                    peer.send(&answer);
                }
            }
        }
    })
    .await;
    let mut events = client.events().named("STOP").subscribe();
    for round in 0..500 {
        client.execute("stop").await.unwrap();
        assert_eq!(number(&the_event(events.try_recv().unwrap())), round);
    }
}

#[tokio::test]
async fn each_subscriber_gets_what_it_asked_for() {
    let client = connect(|mut peer| {
        let message = peer.receive().unwrap();
        for at in 0..300 {
            peer.send(&event(["STOP", "RESUME", "OTHER"][at % 3], at));
        }
        peer.answer(&message, "{}");
        peer.receive();
    })
    .await;
    let mut all = client.events().subscribe();
    let mut named = client.events().named("STOP").named("RESUME").subscribe();
    let even = |event: &qmp_tokio::OwnedEvent| {
        event.decode::<serde_json::Value>().unwrap()["number"].as_u64().unwrap() % 2 == 0
    };
    let mut matching = client.events().named("OTHER").matching(even).subscribe();
    let gone = client.events().subscribe();
    drop(gone);
    client.execute("x").await.unwrap();
    assert_eq!(numbers(all.drain()), (0..300).collect::<Vec<_>>());
    let expected: Vec<_> = (0..300).filter(|at| at % 3 < 2).collect();
    assert_eq!(numbers(named.drain()), expected);
    let expected: Vec<_> = (0..300).filter(|at| at % 6 == 2).collect();
    assert_eq!(numbers(matching.drain()), expected);
}

#[tokio::test]
async fn a_slow_subscriber_loses_the_oldest_and_is_told() {
    let client = connect(|mut peer| {
        for _ in 0..2 {
            let message = peer.receive().unwrap();
            for at in 0..1000 {
                peer.send(&event("STOP", at));
            }
            peer.answer(&message, "{}");
        }
        peer.receive();
    })
    .await;
    let mut slow = client.events().limits(10, 1 << 20).subscribe();
    let mut fast = client.events().subscribe();
    client.execute("x").await.unwrap();
    assert_eq!(fast.drain().len(), 1000);
    assert!(matches!(slow.recv().await, Some(EventItem::Lagged(990))));
    for at in 990..1000 {
        assert_eq!(number(&the_event(slow.recv().await.unwrap())), at);
    }
    client.execute("x").await.unwrap();
    let error = slow.event().named("STOP").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::EventsLost { count: 990, .. }), "{error}");
    assert_eq!(number(&slow.event().named("STOP").await.unwrap()), 990);
}

/// Only those that it has not seen may be what it waits for.
#[tokio::test]
async fn a_wait_does_not_fail_for_events_that_an_earlier_wait_passed_over_and_dropped() {
    let client = connect(|mut peer| {
        while let Some(message) = peer.receive() {
            for at in 0..20 {
                peer.send(&event("NOISE", at));
            }
            peer.send(&event("STOP", 7));
            peer.answer(&message, "{}");
        }
    })
    .await;
    let mut events = client.events().limits(30, 1 << 20).subscribe();
    for _ in 0..100 {
        client.execute("x").await.unwrap();
        assert_eq!(number(&events.event().named("STOP").await.unwrap()), 7);
    }
    assert!(matches!(events.recv().await, Some(EventItem::Lagged(1970))));
    assert_eq!(events.drain().len(), 30);
}

/// A client that has received one event before its handshake and 100 after it.
async fn with_early_events(builder: Builder<Tokio>) -> Client {
    let transport = pair(|mut peer| {
        peer.send(&event("EARLY", 0));
        peer.greet();
        for at in 1..=100 {
            peer.send(&event(if at % 2 == 0 { "EVEN" } else { "ODD" }, at));
        }
        peer.echo();
    });
    let client = builder.connect_over(transport, "peer").await.unwrap();
    client.execute("x").argument("number", 1).await.unwrap();
    client
}

fn numbers(items: Vec<EventItem>) -> Vec<usize> {
    items.into_iter().map(|item| number(&the_event(item))).collect()
}

#[tokio::test]
async fn the_backlog_is_the_last_64_events_and_for_the_first_subscription() {
    let client = with_early_events(qmp_tokio::builder()).await;
    let mut first = client.events().named("EVEN").with_backlog().subscribe();
    let expected: Vec<_> = (37..=100).filter(|at| at % 2 == 0).collect();
    assert_eq!(numbers(first.drain()), expected);
    assert!(client.events().with_backlog().subscribe().drain().is_empty());
}

#[tokio::test]
async fn a_subscription_without_the_backlog_gets_nothing_older_and_ends_it() {
    let client = with_early_events(qmp_tokio::builder()).await;
    assert!(client.events().subscribe().drain().is_empty());
    assert!(client.events().with_backlog().subscribe().drain().is_empty());
    let client = with_early_events(qmp_tokio::builder()).await;
    drop(client.event());
    assert!(client.events().with_backlog().subscribe().drain().is_empty());
    let client = with_early_events(qmp_tokio::builder().without_backlog()).await;
    assert!(client.events().with_backlog().subscribe().drain().is_empty());
}

/// Two migrations in a row: the wait for the second is not ended by the event of the first.
#[tokio::test]
async fn to_subscribe_to_migrate_and_to_wait_does_not_end_with_an_earlier_event() {
    let client = connect(|mut peer| {
        for round in 0..6 {
            let migrate = peer.receive().unwrap();
            assert!(migrate.contains("\"migrate\""), "{migrate}");
            peer.answer(&migrate, "{}");
            peer.send(&migration("active", round));
            let query = peer.receive().unwrap();
            peer.answer(&query, "{}");
            peer.send(&migration("completed", round));
        }
        peer.receive();
    })
    .await;
    let completed = |event: &Event| {
        let data: serde_json::Value = event.decode().unwrap();
        assert_eq!(data["status"], "completed");
        data["round"].as_u64().unwrap()
    };
    for round in 0..6 {
        let wait = client.event().named("MIGRATION").member("status", "completed");
        let mut events = client.events().named("MIGRATION").subscribe();
        client.execute("migrate").await.unwrap();
        let early = events.event().member("status", "completed");
        assert!(early.timeout(Duration::from_millis(20)).await.unwrap_err().is_timeout());
        client.execute("query-migrate").await.unwrap();
        assert_eq!(completed(&wait.timeout(PLENTY).await.unwrap()), round);
        let event = events.event().member("status", "completed").timeout(PLENTY);
        assert_eq!(completed(&event.await.unwrap()), round);
    }
}

fn migration(status: &str, round: u64) -> String {
    format!(
        "{{\"timestamp\": {{\"seconds\": 1, \"microseconds\": 2}}, \"event\": \"MIGRATION\", \
         \"data\": {{\"status\": \"{status}\", \"round\": {round}}}}}\r\n"
    )
}

/// The same conditions in subscriptions, in waits of a client and in waits of a subscription.
#[tokio::test]
async fn conditions_select_by_members_and_by_what_the_data_contains() {
    let data = [
        r#"{"number": 0, "device": "net0", "info": {"source": 3, "slot": "1"}, "open": true}"#,
        r#"{"number": 1, "device": "net1", "info": {"source": 3, "flags": [1]}, "open": false}"#,
        r#"{"number": 2, "device": "net0", "info": {"source": -1, "flags": [1, 2], "slot": "1"}}"#,
        r#"{"number": 3, "info": "net0"}"#,
        "{}",
    ];
    let client = connect(move |mut peer| {
        let message = peer.receive().unwrap();
        for data in data {
            peer.send(&format!("{{\"event\": \"X\", \"data\": {data}}}\r\n"));
        }
        peer.send("{\"event\": \"X\"}\r\n");
        peer.answer(&message, "{}");
        peer.receive();
    })
    .await;
    let json = |text| RawJson::parse(text).unwrap();
    let net0 = client.events().member("device", "net0").subscribe();
    let open = client.events().member("open", true).subscribe();
    let both = client.events().member("device", "net0").member("open", true).subscribe();
    let source = client.events().containing(json(r#"{"info": {"source": 3}}"#)).subscribe();
    let slot = client
        .events()
        .containing(json(r#"{"info": {"slot": "1"}}"#))
        .containing(json(r#"{"info": {"source": -1}}"#))
        .subscribe();
    let flags = client.events().containing(json(r#"{"info": {"flags": [1]}}"#)).subscribe();
    let other = client.events().named("Y").member("device", "net0").subscribe();
    let mut all = client.events().subscribe();
    let wait = client.event().named("X").member("device", "net1");
    client.execute("x").await.unwrap();
    let expected: [(_, &[usize]); 7] = [
        (net0, &[0, 2]),
        (open, &[0]),
        (both, &[0]),
        (source, &[0, 1]),
        (slot, &[2]),
        (flags, &[1]),
        (other, &[]),
    ];
    for (mut events, expected) in expected {
        assert_eq!(numbers(events.drain()), expected);
    }
    assert_eq!(number(&wait.await.unwrap()), 1);
    let wait = all.event().containing(json(r#"{"info": {"source": -1}}"#));
    assert_eq!(number(&wait.await.unwrap()), 2);
    let wait = all.event().member("info", "net0").timeout(PLENTY);
    assert_eq!(number(&wait.await.unwrap()), 3);
    assert_eq!(all.drain().len(), 4, "the others stayed");
}

#[tokio::test]
async fn a_receive_with_a_timeout_fails_in_time_and_takes_nothing() {
    let client = connect(|mut peer| {
        while let Some(message) = peer.receive() {
            peer.send(&event("STOP", 1));
            peer.answer(&message, "{}");
        }
    })
    .await;
    let mut events = client.events().named("STOP").subscribe();
    let moment = Duration::from_millis(50);
    let started = std::time::Instant::now();
    let error = events.recv_timeout(moment).await.unwrap_err();
    assert!(started.elapsed() >= moment);
    assert!(error.is_timeout() && error.to_string().starts_with("no STOP in "), "{error}");
    client.execute("stop").await.unwrap();
    assert_eq!(number(&the_event(events.recv_timeout(Duration::ZERO).await.unwrap().unwrap())), 1);
    assert!(events.recv_timeout(Duration::ZERO).await.unwrap_err().is_timeout());
    client.abort();
    assert!(events.recv_timeout(PLENTY).await.unwrap().is_none());
}

/// Events and replies that came in one read, and in one batch.
#[tokio::test]
async fn positions_in_the_stream_order_events_and_replies() {
    let client = connect(|mut peer| {
        for _ in 0..3 {
            let (one, other) = (peer.receive().unwrap(), peer.receive().unwrap());
            let (one, other) = (answer_to(&one, "1"), answer_to(&other, "2"));
            let noise = event("NOISE", 0).repeat(100);
            peer.send(&[event("A", 0), one, event("B", 0), noise, other, event("C", 0)].concat());
        }
        peer.receive();
    })
    .await;
    let mut events = client.events().named("A").named("B").named("C").subscribe();
    let mut last = 0;
    for _ in 0..3 {
        let (one, other) = tokio::join!(client.execute("x"), client.execute("y"));
        let mut positions = Vec::new();
        for name in ["A", "B", "C"] {
            let event = the_event(events.recv().await.unwrap());
            assert_eq!(event.name(), name);
            positions.push(event.stream_position());
        }
        let &[a, b, c] = &positions[..] else { unreachable!() };
        let (one, other) = (one.unwrap().stream_position(), other.unwrap().stream_position());
        let order = [last, a, one, b, other, c];
        assert!(order.is_sorted_by(|one, next| one < next), "{order:?}");
        last = c;
    }
}

#[tokio::test]
async fn one_can_subscribe_before_the_handshake() {
    let transport = pair(|mut peer| {
        peer.send(&event("EARLY", 0));
        peer.greet();
        peer.echo();
    });
    let (client, driver) = qmp_tokio::builder().build_over(transport, "peer").unwrap();
    let mut events = client.events().subscribe();
    tokio::spawn(driver);
    assert_eq!(the_event(events.recv().await.unwrap()).name(), "EARLY");
    client.execute("waits").argument("number", 1).await.unwrap();
}

#[tokio::test]
async fn a_wait_leaves_the_others_in_their_order() {
    let client = connect(|mut peer| {
        let message = peer.receive().unwrap();
        for at in 0..10 {
            peer.send(&event(["STOP", "RESUME"][at % 2], at));
        }
        peer.answer(&message, "{}");
        peer.receive();
    })
    .await;
    let mut events = client.events().subscribe();
    let stop = client.event().named("STOP").member("number", 4);
    client.execute("x").await.unwrap();
    assert_eq!(number(&stop.await.unwrap()), 4);
    assert_eq!(number(&events.event().named("RESUME").await.unwrap()), 1);
    let seven = events.event().member("number", 7);
    assert_eq!(number(&seven.await.unwrap()), 7);
    let never = events.event().named("NEVER").timeout(Duration::from_millis(10));
    assert!(never.await.unwrap_err().is_timeout());
    assert_eq!(numbers(events.drain()), [0, 2, 3, 4, 5, 6, 8, 9]);
}

#[tokio::test]
async fn a_wait_that_is_dropped_takes_nothing() {
    let client = connect(|mut peer| {
        for at in 0..100 {
            std::thread::sleep(Duration::from_micros(300));
            peer.send(&event("STOP", at));
        }
        peer.receive();
    })
    .await;
    let mut events = client.events().subscribe();
    let mut seen = 0;
    while seen < 100 {
        let wait = events.event().named("STOP");
        match tokio::time::timeout(Duration::from_micros(200), wait).await {
            Ok(event) => {
                assert_eq!(number(&event.unwrap()), seen);
                seen += 1;
            }
            Err(_) => {
                let recv = tokio::time::timeout(Duration::from_micros(200), events.recv());
                if let Ok(queued) = recv.await {
                    assert_eq!(number(&the_event(queued.unwrap())), seen);
                    seen += 1;
                }
            }
        }
    }
}

/// The wait of one task is ended by another's use of the client in the predicate's drop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn predicates_and_their_drops_may_use_the_client() {
    struct OnDrop(Client);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            assert!(self.0.is_ready());
        }
    }
    let client = connect(|mut peer| {
        for at in 0..1000 {
            peer.send(&event("STOP", at));
        }
        peer.echo();
    })
    .await;
    for _ in 0..100 {
        let inside = OnDrop(client.clone());
        let mut events = client
            .events()
            .matching(move |_| {
                assert!(inside.0.in_flight() <= 64);
                drop(inside.0.events().subscribe());
                true
            })
            .subscribe();
        client.execute("x").argument("number", 1).timeout(PLENTY).await.unwrap();
        events.drain();
    }
}

/// It runs in the task that waits.
#[tokio::test]
async fn a_predicate_of_a_wait_that_panics_costs_its_task_and_not_the_connection() {
    let client = connect(|mut peer| {
        let message = peer.receive().unwrap();
        peer.send(&event("STOP", 0));
        peer.answer(&message, "1");
        peer.echo();
    })
    .await;
    let wait = tokio::spawn(client.event().matching(|_| panic!("in a predicate")));
    client.execute("x").await.unwrap();
    assert!(wait.await.unwrap_err().is_panic());
    let reply = client.execute("x").argument("number", 2).await.unwrap();
    assert_eq!(reply.decode::<u32>().unwrap(), 2);
}

/// Everybody else gets their events, and the answer that was read with them.
#[tokio::test]
async fn a_predicate_of_a_subscription_that_panics_costs_that_subscription_alone() {
    let client = connect(|mut peer| {
        let message = peer.receive().unwrap();
        let together = event("STOP", 0) + &event("RESUME", 1);
        peer.send(&together);
        peer.answer(&message, "1");
        peer.echo();
    })
    .await;
    let mut broken = client.events().matching(|_| panic!("in a predicate")).subscribe();
    let mut events = client.events().subscribe();
    let answered = tokio::time::timeout(PLENTY, client.execute("x")).await;
    answered.unwrap().unwrap();
    for name in ["STOP", "RESUME"] {
        let Some(EventItem::Event(event)) = events.recv().await else { panic!("{name}") };
        assert_eq!(event.name(), name);
    }
    assert!(broken.recv().await.is_none());
    client.execute("x").argument("number", 2).await.unwrap();
}
