//! A QEMU that the test plays, for what a real one does seldom.

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Duration;

use conformance::server::{Folder, folder};
use serde_json::Value;

use crate::shared::{Lines, Proxy};

const GREETING: &str = r#"{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}"#;

/// The proxy, and the monitor's end of its connection.
struct Played {
    qemu: Lines,
    proxy: Proxy,
    folder: Folder,
}

impl Played {
    /// Greets so late.
    fn start(late: Duration) -> Self {
        let folder = folder();
        let listener = UnixListener::bind(folder.file("qmp")).unwrap();
        let shared = folder.name("shared");
        let proxy = Proxy::start(&folder.name("qmp"), &shared, 1000);
        let mut qemu = Lines::over(listener.accept().unwrap().0);
        thread::sleep(late);
        qemu.send(GREETING);
        let negotiation = command(&mut qemu);
        assert_eq!(negotiation["execute"], "qmp_capabilities");
        assert_eq!(negotiation["arguments"]["enable"][0], "oob");
        qemu.send(&format!(r#"{{"return": {{}}, "id": {}}}"#, negotiation["id"]));
        let proxy = proxy.serves().unwrap();
        Self { qemu, proxy, folder }
    }

    fn client(&self, arguments: &str) -> Lines {
        let mut client = Lines::connect(&self.folder.file("shared"));
        client.negotiate(arguments);
        client
    }
}

/// The next command; no line ends behind it.
fn command(qemu: &mut Lines) -> Value {
    let mut values = serde_json::Deserializer::from_reader(&mut qemu.stream).into_iter();
    values.next().unwrap().unwrap()
}

fn event(number: u32) -> String {
    format!(
        r#"{{"timestamp": {{"seconds": 1, "microseconds": 2}}, "event": "E", "data": {{"n": {number}}}}}"#
    )
}

#[test]
fn a_qemu_that_greets_after_eleven_seconds_is_shared() {
    let mut played = Played::start(Duration::from_secs(11));
    let mut client = played.client("");
    client.send(r#"{"execute": "query-name", "id": 1}"#);
    let id = command(&mut played.qemu)["id"].clone();
    played.qemu.send(&format!(r#"{{"return": {{}}, "id": {id}}}"#));
    assert_eq!(client.line().unwrap(), r#"{"return": {}, "id": 1}"#);
}

#[test]
fn replies_and_events_keep_their_order_however_they_come_together() {
    let mut played = Played::start(Duration::ZERO);
    let mut client = played.client(r#", "arguments": {"enable": ["oob"]}"#);
    let mut listening = played.client("");
    for round in 0..200 {
        client.send(r#"{"execute": "in-band", "id": "i"}"#);
        client.send(r#"{"exec-oob": "out-of-band", "id": "o"}"#);
        let ids = [0, 1].map(|_| {
            let command = command(&mut played.qemu);
            (command["exec-oob"].is_null(), command["id"].clone())
        });
        let events: Vec<_> = (0..3).map(|number| event(round * 3 + number)).collect();
        // In either order, in-band as an error.
        let replies = |ours: bool| {
            let mut replies = ids.clone().map(|(in_band, id)| match in_band {
                true => {
                    let id = if ours { id } else { "i".into() };
                    format!(r#"{{"id": {id}, "error": {{"class": "GenericError", "desc": "no"}}}}"#)
                }
                false => {
                    format!(r#"{{"return": {{}}, "id": {}}}"#, if ours { id } else { "o".into() })
                }
            });
            replies.sort();
            if round % 2 == 0 {
                replies.reverse();
            }
            let [first, second] = replies;
            let place = (round / 2) as usize % 3;
            let mut all = events.clone();
            all.insert(place, first);
            all.insert(3, second);
            all
        };
        let together = replies(true).join("\r\n") + "\r\n";
        played.qemu.stream.get_mut().write_all(together.as_bytes()).unwrap();
        for expected in replies(false) {
            assert_eq!(client.line().unwrap(), expected, "in round {round}");
        }
        for expected in &events {
            assert_eq!(listening.line().unwrap(), *expected);
        }
    }
}

#[test]
fn a_client_that_would_miss_events_is_disconnected_instead() {
    const COUNT: u32 = 600;
    let mut played = Played::start(Duration::ZERO);
    let mut deaf = played.client("");
    let mut client = played.client("");
    let padding = "x".repeat(64 * 1024);
    for number in 0..COUNT {
        let event = event(number).replace("}}", &format!(r#", "padding": "{padding}"}}}}"#));
        played.qemu.send(&event);
        assert_eq!(client.line().unwrap(), event);
    }
    // What it receives has no gap, and then the connection ends.
    let mut received = 0;
    while let Some(line) = deaf.line() {
        match serde_json::from_str::<Value>(&line) {
            Ok(event) => assert_eq!(event["data"]["n"].as_u64(), Some(received)),
            // Cut off by the end.
            Err(_) => {
                assert_eq!(deaf.line(), None);
                break;
            }
        }
        received += 1;
    }
    assert!(received < COUNT.into(), "{received} events were kept");
    assert!(played.proxy.process.try_wait().unwrap().is_none(), "the others are served");
}

#[test]
fn a_command_that_qemu_passes_over_is_not_answered() {
    let mut played = Played::start(Duration::ZERO);
    let mut client = played.client("");
    client.send(r#"{"execute": "quit", "id": 1}"#);
    assert_eq!(command(&mut played.qemu)["execute"], "quit");
    // It closes without a reply.
    drop(played.qemu);
    assert_eq!(client.line(), None);
    assert!(played.proxy.process.wait().unwrap().success());
}
