//! Events.

use qmp_blocking::{Timestamp, server};
use serde_json::{Value, json};

use crate::peer::{PLENTY, serve, serve_raw};

#[test]
fn events_come_as_they_were_given_and_before_the_answer() {
    let (mut client, thread) = serve(&server(), |server| {
        server.execute("stop").run().unwrap();
        let event = server.event().look().unwrap().unwrap();
        assert_eq!((event.name(), event.data().unwrap()), ("STOP", None));
        let event = server.event().look().unwrap().unwrap();
        assert_eq!(event.timestamp(), Some(Timestamp::new(7, 8)));
        assert_eq!(event.decode::<Value>().unwrap(), json!({"offset": -1}));
        let event = server.event().look().unwrap().unwrap();
        assert_eq!(event.message(), b"{\"event\": \"X\", \"more\": 1.0}");
    });
    let request = client.next_command(PLENTY).unwrap().unwrap();
    client.emit("STOP", &()).unwrap();
    client.emit_at("RTC_CHANGE", Timestamp::new(7, 8), &json!({"offset": -1})).unwrap();
    client.emit_raw("{\"event\": \"X\", \"more\": 1.0}").unwrap();
    client.emit("X", &[1]).unwrap_err();
    client.emit_raw("[]").unwrap_err();
    client.done(request).unwrap();
    assert!(client.next_command(PLENTY).unwrap().is_none());
    thread.join().unwrap();
    client.emit("LATE", &()).unwrap();
}

#[test]
fn nobody_gets_events_who_has_not_negotiated() {
    use std::io::{Read, Write};

    let (mut client, thread) = serve_raw(&server(), |mut socket| {
        socket.write_all(b"{\"execute\": \"qmp_capabilities\"}").unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        let mut all = String::new();
        socket.read_to_string(&mut all).unwrap();
        all
    });
    client.emit("EARLY", &()).unwrap();
    assert!(client.next_command(PLENTY).unwrap().is_none());
    drop(client);
    let all = thread.join().unwrap();
    assert_eq!(all.lines().count(), 2, "{all}");
}
