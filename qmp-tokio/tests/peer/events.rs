//! Events.

use std::time::Duration;

use qmp_tokio::{Cause, Event, EventItem};

use crate::peer::{PLENTY, connect, event, pair};

fn number(event: &Event) -> usize {
    let data: serde_json::Value = event.decode().unwrap();
    data["number"].as_u64().unwrap() as usize
}

fn the_event(queued: Queued<Event>) -> Event {
    match queued {
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
    let numbers = |events: Vec<_>| -> Vec<usize> {
        events.into_iter().map(|queued| number(&the_event(queued))).collect()
    };
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
    assert!(matches!(error.cause(), Cause::EventsLost { count: 990 }), "{error}");
    assert_eq!(number(&slow.event().named("STOP").await.unwrap()), 990);
}

#[tokio::test]
async fn the_last_64_early_events_are_for_the_first_subscriber() {
    let transport = pair(|mut peer| {
        peer.send(&event("EARLY", 0));
        peer.greet();
        for at in 1..=100 {
            peer.send(&event(if at % 2 == 0 { "EVEN" } else { "ODD" }, at));
        }
        peer.echo();
    });
    let client = qmp_tokio::builder().over(transport, "peer").await.unwrap();
    client.execute("x").argument("number", &1).await.unwrap();
    let mut first = client.events().named("EVEN").subscribe();
    let expected: Vec<_> = (37..=100).filter(|at| at % 2 == 0).collect();
    let early: Vec<_> = first.drain().into_iter().map(|it| number(&the_event(it))).collect();
    assert_eq!(early, expected);
    assert!(client.events().subscribe().drain().is_empty());
}

#[tokio::test]
async fn one_can_subscribe_before_the_handshake() {
    let transport = pair(|mut peer| {
        peer.send(&event("EARLY", 0));
        peer.greet();
        peer.echo();
    });
    let (client, driver) = qmp_tokio::builder().open_over(transport, "peer").unwrap();
    let mut events = client.events().subscribe();
    tokio::spawn(driver);
    assert_eq!(the_event(events.recv().await.unwrap()).name(), "EARLY");
    client.execute("waits").argument("number", &1).await.unwrap();
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
    let stop = client
        .event()
        .named("STOP")
        .matching(|event| event.decode::<serde_json::Value>().unwrap()["number"] == 4);
    client.execute("x").await.unwrap();
    assert_eq!(number(&stop.await.unwrap()), 4);
    assert_eq!(number(&events.event().named("RESUME").await.unwrap()), 1);
    let seven = events
        .event()
        .matching(|event| event.decode::<serde_json::Value>().unwrap()["number"] == 7);
    assert_eq!(number(&seven.await.unwrap()), 7);
    let never = events.event().named("NEVER").deadline(Duration::from_millis(10));
    assert!(never.await.unwrap_err().is_timeout());
    let left: Vec<_> = events.drain().into_iter().map(|it| number(&the_event(it))).collect();
    assert_eq!(left, [0, 2, 3, 4, 5, 6, 8, 9]);
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
    struct OnDrop(qmp_tokio::Client);
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
        client.execute("x").argument("number", &1).deadline(PLENTY).await.unwrap();
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
    let reply = client.execute("x").argument("number", &2).await.unwrap();
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
    let answered = tokio::time::timeout(PLENTY, client.execute("x").into_future()).await;
    answered.unwrap().unwrap();
    for name in ["STOP", "RESUME"] {
        let Some(EventItem::Event(event)) = events.recv().await else { panic!("{name}") };
        assert_eq!(event.name(), name);
    }
    assert!(broken.recv().await.is_none());
    client.execute("x").argument("number", &2).await.unwrap();
}
