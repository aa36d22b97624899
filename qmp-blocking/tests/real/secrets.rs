//! What a log of the wire shows.

use std::sync::{Arc, Mutex};

use qmp_blocking::{Builder, Client, Direction};
use serde_json::json;

use crate::server::{Clients, Server, Suite};

conformance::on_every_qemu!(
    the_hook_sees_every_message_both_ways,
    secrets_are_masked,
    a_hook_can_be_set_later,
);

type Log = Arc<Mutex<Vec<(Direction, String)>>>;

fn watched(log: &Log) -> Builder {
    qmp_blocking::builder().on_wire(recorder(log))
}

fn recorder(log: &Log) -> impl FnMut(Direction, &[u8]) + Send + 'static {
    let log = Arc::clone(log);
    move |direction, message| {
        let message = String::from_utf8_lossy(message).into_owned();
        log.lock().unwrap().push((direction, message));
    }
}

fn taken(log: &Log) -> Vec<(Direction, String)> {
    std::mem::take(&mut log.lock().unwrap())
}

fn connect(server: &mut Server, log: &Log) -> Client {
    // The first one of all may be greeted twice.
    drop(server.client());
    let client = server.client_of(|| watched(log));
    let handshake = taken(log);
    let [greeting, negotiation, answer] = handshake.as_slice() else { panic!("{handshake:?}") };
    assert!(greeting.1.starts_with("{\"QMP\": {") && greeting.1.ends_with("}}"));
    assert_eq!(greeting.0, Direction::Received);
    assert_eq!(negotiation.0, Direction::Sent);
    let id = negotiation.1.strip_prefix(r#"{"execute":"qmp_capabilities","id":"#);
    let id = id.unwrap().strip_suffix('}').unwrap();
    assert_eq!(answer.0, Direction::Received);
    assert_eq!(answer.1, format!(r#"{{"return": {{}}, "id": {id}}}"#));
    client
}

fn the_hook_sees_every_message_both_ways(suite: &Suite) {
    let log = Log::default();
    let mut server = suite.qemu();
    let qemu = connect(&mut server, &log);
    qemu.execute("query-name").run().unwrap();
    let seen = taken(&log);
    assert_eq!(
        seen,
        [
            (Direction::Sent, r#"{"execute":"query-name","id":0}"#.to_owned()),
            (Direction::Received, r#"{"return": {}, "id": 0}"#.to_owned()),
        ]
    );
    qemu.execute("cont").run().unwrap();
    let seen = taken(&log);
    assert_eq!(seen[0].1, r#"{"execute":"cont","id":1}"#);
    assert!(seen[1].1.contains(r#""event": "RESUME""#), "{seen:?}");
    assert_eq!((seen[2].1.as_str(), seen.len()), (r#"{"return": {}, "id": 1}"#, 3));

    let delete = qemu.execute("device_del").argument("id", "x").run();
    assert!(delete.is_err());
    let seen = taken(&log);
    assert_eq!(seen[0].1, r#"{"execute":"device_del","arguments":{"id":"x"},"id":2}"#);
    assert!(seen[1].1.contains("DeviceNotFound"), "{seen:?}");

    qemu.raw(r#"{ "id": "my own", "execute": "stop" }"#).run().unwrap();
    let seen = taken(&log);
    assert_eq!(seen[0].1, r#"{"execute": "stop","id":3}"#);
    let sent = [(); 3].map(|()| qemu.execute("query-name").send().unwrap());
    for sent in sent {
        sent.recv().unwrap();
    }
    assert_eq!(taken(&log).len(), 6);
}

fn secrets_are_masked(suite: &Suite) {
    let log = Log::default();
    let mut server = suite.qemu();
    let qemu = connect(&mut server, &log);
    let arguments = match suite.major() {
        5 => json!({"qom-type": "secret", "id": "s", "props": {"data": "hush-hush"}}),
        _ => json!({"qom-type": "secret", "id": "s", "data": "hush-hush"}),
    };
    qemu.execute("object-add").arguments(&arguments).run().unwrap();
    qemu.execute("set_password")
        .argument("protocol", "vnc")
        .argument("password", "hush-hush")
        .run()
        .unwrap_err();
    let changed = qemu
        .raw(r#"{"execute": "change-vnc-password", "arguments": {"password": "hush-hush"}}"#)
        .run();
    changed.unwrap();
    let seen = taken(&log);
    assert!(seen.len() >= 6, "{seen:?}");
    let text = format!("{seen:?}");
    assert!(!text.contains("hush"), "{text}");
    let masked = seen.iter().filter(|(_, message)| message.contains("••••"));
    assert_eq!(masked.count(), 3, "{text}");
    // Nor does an error or the connection itself show them.
    let error = qemu.execute("object-add").arguments(&arguments).run().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
}

fn a_hook_can_be_set_later(suite: &Suite) {
    let log = Log::default();
    let mut server = suite.qemu();
    let qemu = server.client();
    qemu.watch_wire(recorder(&log));
    qemu.execute("query-name").run().unwrap();
    assert_eq!(taken(&log).len(), 2);

    let mut server = suite.agent(&[]);
    let agent = server.client_of(|| watched(&log).agent());
    let handshake = taken(&log);
    assert_eq!(handshake[0].0, Direction::Sent);
    let sync = r#"{"execute":"guest-sync-delimited","arguments":{"id":"#;
    assert!(handshake[0].1.contains(sync), "{handshake:?}");
    agent.execute("guest-ping").run().unwrap();
    assert_eq!(taken(&log)[0].1, r#"{"execute":"guest-ping","id":0}"#);
}
