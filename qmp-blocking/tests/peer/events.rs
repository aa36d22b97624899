//! Floods of events.

use std::thread;

use qmp_blocking::{Cause, Connection};

use crate::peer::{connect, connect_with};

const FLOOD: u64 = 100_000;

fn event(number: u64) -> String {
    format!(
        "{{\"timestamp\": {{\"seconds\": 1, \"microseconds\": {number}}}, \"event\": \"E{number}\", \
         \"data\": {{\"text\": \"some text that makes it as long as events are\"}}}}\r\n"
    )
}

fn flooded(builder: qmp_blocking::Builder) -> Connection {
    connect_with(builder, |mut peer| {
        let command = peer.receive();
        let mut chunk = String::new();
        for number in 0..FLOOD {
            chunk.push_str(&event(number));
            if number % 100 == 99 {
                peer.send(&chunk);
                chunk.clear();
            }
        }
        peer.answer(&command, "\"at last\"");
    })
}

#[test]
fn a_flood_is_bounded_counted_and_does_not_hold_back_the_answer() {
    let mut connection = flooded(Connection::builder());
    let reply = connection.execute("query").run().unwrap();
    assert_eq!(reply.decode::<String>().unwrap(), "at last");
    assert_eq!(connection.events_kept(), 4096);
    let error = connection.event().named("E99999").wait().unwrap_err();
    let Cause::EventsLost { count } = error.cause() else { panic!("{error:?}") };
    assert_eq!(*count, FLOOD - 4096);
    assert!(error.to_string().starts_with("95904 events were not read in time"), "{error}");
    // Told once; all the others are there, and in order.
    for number in FLOOD - 4096..FLOOD {
        assert_eq!(connection.event().wait().unwrap().name(), format!("E{number}"));
    }
    assert_eq!(connection.events_kept(), 0);
}

#[test]
fn the_limits_of_events_are_the_callers() {
    let mut connection = flooded(Connection::builder().event_limits(usize::MAX, 10_000));
    connection.execute("query").run().unwrap();
    let kept = connection.events_kept();
    assert!((50..100).contains(&kept), "{kept}");
    let error = connection.event().look().unwrap_err();
    let Cause::EventsLost { count } = error.cause() else { panic!("{error:?}") };
    assert_eq!(*count, FLOOD - kept as u64);
    assert_eq!(connection.events_kept(), kept);
    assert_eq!(connection.event().named("E99999").wait().unwrap().name(), "E99999");
}

#[test]
fn events_are_found_in_a_flood_while_it_goes_on() {
    let mut connection = connect(|mut peer| {
        for number in 0..20_000 {
            peer.send(&event(number));
        }
    });
    for number in [0, 10, 5_000] {
        let name = format!("E{number}");
        let found = loop {
            match connection.event().named(&name).wait() {
                Ok(found) => break found,
                Err(error) => assert!(matches!(error.cause(), Cause::EventsLost { .. }), "{error}"),
            }
        };
        assert_eq!(found.name(), name);
        assert_eq!(found.timestamp().unwrap().microseconds, number);
    }
}

/// A connection is moved to the thread that waits.
#[test]
fn another_thread_can_wait() {
    let connection = connect(|mut peer| peer.send(&event(7)));
    let waiting = thread::spawn(move || {
        let mut connection = connection;
        connection.event().wait().unwrap().name().to_owned()
    });
    assert_eq!(waiting.join().unwrap(), "E7");
}
