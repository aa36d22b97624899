//! Events.

use qmp_blocking::{EventItem, Timestamp, server};
use serde_json::{Value, json};

use crate::peer::{PLENTY, serve, serve_raw};

#[test]
fn events_come_as_they_were_given_and_before_the_answer() {
    let (mut commands, thread) = serve(&server(), |server| {
        let mut events = server.events().subscribe();
        server.execute("stop").run().unwrap();
        let mut next = || match events.try_recv() {
            Some(EventItem::Event(event)) => event,
            other => panic!("{other:?}"),
        };
        let event = next();
        assert_eq!((event.name(), event.data().unwrap()), ("STOP", None));
        let event = next();
        assert_eq!(event.timestamp(), Some(Timestamp::new(7, 8)));
        assert_eq!(event.decode::<Value>().unwrap(), json!({"offset": -1}));
        let event = next();
        assert_eq!(event.message(), b"{\"event\": \"X\", \"more\": 1.0}");
    });
    let request = commands.recv_timeout(PLENTY).unwrap().unwrap();
    commands.event_sender().emit("STOP", &()).unwrap();
    commands
        .event_sender()
        .emit_at("RTC_CHANGE", Timestamp::new(7, 8), &json!({"offset": -1}))
        .unwrap();
    commands.event_sender().emit_raw("{\"event\": \"X\", \"more\": 1.0}").unwrap();
    commands.event_sender().emit("X", &[1]).unwrap_err();
    commands.event_sender().emit_raw("[]").unwrap_err();
    request.return_empty();
    assert!(commands.recv_timeout(PLENTY).unwrap().is_none());
    thread.join().unwrap();
    commands.event_sender().emit("LATE", &()).unwrap();
}

#[test]
fn clients_get_no_events_before_negotiation() {
    use std::io::{Read, Write};

    let (mut commands, thread) = serve_raw(&server(), |mut socket| {
        socket.write_all(b"{\"execute\": \"qmp_capabilities\"}").unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        let mut all = String::new();
        socket.read_to_string(&mut all).unwrap();
        all
    });
    commands.event_sender().emit("EARLY", &()).unwrap();
    assert!(commands.recv_timeout(PLENTY).unwrap().is_none());
    drop(commands);
    let all = thread.join().unwrap();
    assert_eq!(all.lines().count(), 2, "{all}");
}
