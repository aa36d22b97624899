//! Events: waits, subscriptions, and floods.

use std::io::Read;
use std::time::{Duration, Instant};
use std::{panic, thread};

use qmp_blocking::{Client, ErrorKind, EventItem, OwnedEvent, RawJson};

use crate::peer::{PLENTY, Peer, connect, id};

const FLOOD: u64 = 100_000;

fn event(number: u64) -> String {
    format!(
        "{{\"timestamp\": {{\"seconds\": 1, \"microseconds\": {number}}}, \"event\": \"E{number}\", \
         \"data\": {{\"text\": \"some text that makes it as long as events are\"}}}}\r\n"
    )
}

/// Sends this many events, in large writes.
fn flood(peer: &mut Peer, count: u64) {
    let mut chunk = String::new();
    for number in 0..count {
        chunk.push_str(&event(number));
        if number % 100 == 99 {
            peer.send(&chunk);
            chunk.clear();
        }
    }
    peer.send(&chunk);
}

/// A server that answers one command after a flood of events.
fn flooded() -> Client {
    connect(|mut peer| {
        let command = peer.receive();
        flood(&mut peer, FLOOD);
        peer.answer(&command, "\"at last\"");
    })
}

/// A server that sends this before the answer to each command.
fn says_before_each_answer(text: &'static str) -> Client {
    connect(move |mut peer| {
        while let Some(command) = peer.try_receive() {
            peer.send(text);
            peer.answer(&command, "{}");
        }
    })
}

fn name(item: Option<EventItem>) -> String {
    match item {
        Some(EventItem::Event(event)) => event.name().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wait_takes_an_event_that_comes_after_it_was_made() {
    let client = says_before_each_answer("{\"event\": \"STOP\"}\r\n");
    client.execute("stop").run().unwrap();
    let stopped = client.event().named("STOP");
    let missed = client.event().named("STOP").timeout(Duration::from_millis(30));
    let error = missed.run().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoEvent { .. }), "the first is past: {error}");
    client.execute("stop").run().unwrap();
    assert_eq!(stopped.run().unwrap().name(), "STOP");
}

#[test]
fn an_event_is_found_by_its_data_without_decoding() {
    let client = says_before_each_answer(concat!(
        "{\"event\": \"GONE\", \"data\": {\"device\": \"net1\", \"path\": \"/b\"}}\r\n",
        "{\"event\": \"GONE\", \"data\": {\"path\": \"/a\"}}\r\n",
        "{\"event\": \"GONE\"}\r\n",
        "{\"event\": \"GONE\", \"data\": {\"path\": \"/x\", \"device\": \"net\\u0030\"}}\r\n",
    ));
    let by_member = client.event().named("GONE").member("device", "net0");
    let data = RawJson::parse(r#"{"device": "net0"}"#).unwrap();
    let by_data = client.event().containing(data);
    let mut other = client.events().member("device", "net1").subscribe();
    client.execute("device_del").run().unwrap();
    for event in [by_member.run().unwrap(), by_data.run().unwrap()] {
        assert!(event.data().unwrap().unwrap().as_str().contains("/x"), "{event:?}");
    }
    assert!(matches!(other.drain().as_slice(), [EventItem::Event(_)]));
}

#[test]
fn a_wait_in_a_subscription_leaves_the_others_in_order() {
    let client = says_before_each_answer("{\"event\": \"A\"}\r\n{\"event\": \"B\"}\r\n");
    let mut events = client.events().subscribe();
    client.execute("one").run().unwrap();
    assert_eq!(events.event().named("B").run().unwrap().name(), "B");
    client.execute("two").run().unwrap();
    assert_eq!(events.event().named("B").run().unwrap().name(), "B");
    assert_eq!([name(events.try_recv()), name(events.recv())], ["A", "A"]);
    assert!(events.try_recv().is_none());
}

#[test]
fn a_subscription_ends_with_its_connection() {
    let client = connect(|mut peer| {
        let command = peer.receive();
        peer.send("{\"event\": \"A\"}\r\n");
        peer.answer(&command, "{}");
        peer.send("{\"event\": \"B\"}\r\n");
    });
    let mut events = client.events().subscribe();
    client.execute("query").run().unwrap();
    assert!(events.close_reason().is_none());
    let names: Vec<_> = events.by_ref().map(|item| name(Some(item))).collect();
    assert_eq!(names, ["A", "B"]);
    assert!(events.close_reason().is_some());
    assert!(events.recv().is_none() && events.try_recv().is_none());
    assert!(events.event().run().unwrap_err().is_disconnected());
}

#[test]
fn trying_reads_what_is_in_the_socket_and_does_not_wait() {
    let client = connect(|mut peer| {
        let first = peer.receive();
        peer.send("{\"event\": \"A\"}\r\n");
        // The first is not answered before the second has come.
        let second = peer.receive();
        peer.answer(&first, "1");
        peer.answer(&second, "2");
        let _ = peer.stream().read(&mut [0]);
    });
    let mut events = client.events().subscribe();
    assert!(events.try_recv().is_none());
    let mut first = client.execute("first").send().unwrap();
    let begun = Instant::now();
    let item = loop {
        assert!(begun.elapsed() < PLENTY);
        if let Some(item) = events.try_recv() {
            break item;
        }
        thread::yield_now();
    };
    assert_eq!(name(Some(item)), "A");
    assert!(first.try_recv().unwrap().is_none());
    let second = client.execute("second").send().unwrap();
    let first = loop {
        assert!(begun.elapsed() < PLENTY);
        match first.try_recv().unwrap() {
            Some(reply) => break reply,
            None => thread::yield_now(),
        }
    };
    assert_eq!(first.json().unwrap().as_str(), "1");
    assert_eq!(second.recv().unwrap().json().unwrap().as_str(), "2");
}

#[test]
fn a_receive_with_a_timeout_waits_that_long_and_takes_what_comes_in_time() {
    let client = connect(|mut peer| {
        let command = peer.receive();
        peer.answer(&command, "{}");
        peer.receive();
        thread::sleep(Duration::from_millis(100));
        peer.send("{\"event\": \"A\"}\r\n");
    });
    let mut events = client.events().named("A").subscribe();
    client.execute("query").run().unwrap();
    let (begun, moment) = (Instant::now(), Duration::from_millis(50));
    let error = events.recv_timeout(moment).unwrap_err();
    assert!((moment..PLENTY).contains(&begun.elapsed()));
    let ErrorKind::NoEvent { waited, names, .. } = error.kind() else { panic!("{error:?}") };
    assert!(*waited >= moment && names == &["A"], "{error:?}");
    drop(client.execute("query").send().unwrap());
    assert_eq!(name(events.recv_timeout(PLENTY).unwrap()), "A");
    assert!(events.recv_timeout(PLENTY).unwrap().is_none(), "the server has left");
}

#[test]
fn the_events_before_the_first_subscription_come_with_the_backlog_only() {
    let client = says_before_each_answer("{\"event\": \"A\"}\r\n");
    client.execute("one").run().unwrap();
    let mut all = client.events().with_backlog().subscribe();
    let mut later = client.events().subscribe();
    client.execute("two").run().unwrap();
    assert_eq!(all.drain().len(), 2);
    assert_eq!(later.drain().len(), 1);
}

#[test]
fn the_order_on_the_wire_is_told_by_positions() {
    let client = says_before_each_answer("{\"event\": \"A\"}\r\n");
    let mut events = client.events().subscribe();
    let mut last = 0;
    for _ in 0..3 {
        let reply = client.execute("query").run().unwrap().stream_position();
        let Some(EventItem::Event(event)) = events.try_recv() else { panic!() };
        assert!(last < event.stream_position() && event.stream_position() < reply);
        last = reply;
    }
}

#[test]
fn a_flood_is_bounded_counted_and_does_not_hold_back_the_answer() {
    let client = flooded();
    let mut events = client.events().subscribe();
    let mut few = client.events().limits(usize::MAX, 10_000).subscribe();
    let last = client.event().named("E99999");
    let first = client.event().matching(|event| event.name() == "E0");
    let reply = client.execute("query").run().unwrap();
    assert_eq!(reply.decode::<String>().unwrap(), "at last");

    // Counted once; all the others are there, and in order.
    assert!(matches!(events.recv(), Some(EventItem::Lagged(count)) if count == FLOOD - 4096));
    for number in FLOOD - 4096..FLOOD {
        assert_eq!(name(events.recv()), format!("E{number}"));
    }
    assert!(events.recv().is_none(), "the server has left");

    let Some(EventItem::Lagged(lost)) = few.recv() else { panic!() };
    let kept = few.drain().len() as u64;
    assert!((50..100).contains(&kept), "{kept}");
    assert_eq!(lost, FLOOD - kept);

    // What is not asked for takes no room; where it does, the loss is told.
    assert_eq!(last.run().unwrap().name(), "E99999");
    let error = first.run().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::EventsLost { .. }), "{error:?}");
    assert!(error.to_string().contains(" events were not read in time"), "{error}");
}

#[test]
fn events_are_found_in_a_flood_while_it_goes_on() {
    let client = connect(|mut peer| {
        peer.receive();
        flood(&mut peer, 20_000);
    });
    let waits = [5_000, 0, 10].map(|number| (number, client.event().named(&format!("E{number}"))));
    drop(client.execute("begin").send().unwrap());
    for (number, wait) in waits {
        assert_eq!(wait.run().unwrap().timestamp().unwrap().microseconds, number);
    }
}

/// A client is moved to the thread that waits.
#[test]
fn another_thread_can_wait() {
    let client = connect(|mut peer| {
        peer.receive();
        peer.send(&event(7));
    });
    drop(client.execute("begin").send().unwrap());
    let waiting = thread::spawn(move || client.event().run().unwrap().name().to_owned());
    assert_eq!(waiting.join().unwrap(), "E7");
}

#[test]
fn a_predicate_that_panics_ends_its_subscription_alone() {
    let client = connect(|mut peer| {
        for _ in 0..2 {
            let command = peer.receive();
            peer.send("{\"event\": \"A\"}\r\n");
            let id = id(&command);
            peer.send(&format!("{{\"return\": {{}}, \"id\": {id}}}\r\n"));
        }
    });
    let picky = |_: &OwnedEvent| -> bool { panic!("a test panics here") };
    let mut broken = client.events().matching(picky).subscribe();
    let mut events = client.events().subscribe();
    client.execute("one").run().unwrap();
    client.execute("two").run().unwrap();
    assert_eq!(events.drain().len(), 2);
    assert!(broken.drain().is_empty());
}
