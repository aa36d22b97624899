//! Bytes on the wire, exactly.

use std::sync::{Arc, Mutex};

use qmp_blocking::{Client, Direction, Options};
use serde_json::json;

use crate::peer::{GREETING, connect_with, handshake, pair};

/// Sends some commands; returns what the server read.
fn written(builder: qmp_blocking::Builder, run: impl FnOnce(&Client)) -> Vec<u8> {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&bytes);
    let (socket, server) = pair(move |mut peer| {
        peer.greet();
        let mut rest = Vec::new();
        std::io::Read::read_to_end(peer.stream(), &mut rest).unwrap();
        seen.lock().unwrap().extend(rest);
    });
    let client = builder.connect_over(socket, "peer").unwrap();
    run(&client);
    drop(client);
    server.join().unwrap();
    let bytes = bytes.lock().unwrap();
    bytes.clone()
}

#[test]
fn commands_take_the_fewest_bytes() {
    let bytes = written(qmp_blocking::builder().out_of_band(), |client| {
        drop(client.execute("stop").send().unwrap());
        let with = client.execute("a").arguments(json!({"x": [1, null]})).argument("y", "é\n");
        drop(with.send().unwrap());
        drop(client.execute("b").argument("z", 1.5).out_of_band().send().unwrap());
        drop(client.execute("c").arguments(json!({})).send().unwrap());
        drop(client.execute("d").arguments(()).send().unwrap());
    });
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        "{\"execute\":\"stop\",\"id\":0}\
         {\"execute\":\"a\",\"arguments\":{\"x\":[1,null],\"y\":\"é\\n\"},\"id\":1}\
         {\"exec-oob\":\"b\",\"arguments\":{\"z\":1.5},\"id\":2}\
         {\"execute\":\"c\",\"id\":3}\
         {\"execute\":\"d\",\"id\":4}"
    );
}

#[test]
fn other_servers_get_their_habits() {
    let options = Options::monitor().string_ids(true).line_end(true);
    let bytes = written(qmp_blocking::builder().options(options), |client| {
        drop(client.execute("stop").send().unwrap());
    });
    assert_eq!(bytes, b"{\"execute\":\"stop\",\"id\":\"0\"}\n");
}

type Log = Arc<Mutex<Vec<(Direction, String)>>>;

fn recorder(log: &Log) -> impl FnMut(Direction, &[u8]) + Send + 'static {
    let log = Arc::clone(log);
    move |direction, message| {
        let message = String::from_utf8_lossy(message).into_owned();
        log.lock().unwrap().push((direction, message));
    }
}

#[test]
fn every_message_is_shown_once_however_the_connection_ends() {
    let log = Log::default();
    let options = Options::monitor().longest_message(300);
    let builder = qmp_blocking::builder().options(options).on_wire(recorder(&log));
    let client = connect_with(builder, |mut peer| {
        peer.receive();
        let long =
            format!("{{\"event\": \"B\", \"data\": {{\"x\": \"{}\"}}}}\r\n", "x".repeat(400));
        peer.send(&format!("{{\"event\": \"A\"}}\r\n\r\n{long}"));
    });
    log.lock().unwrap().clear();
    client.execute("query").run().unwrap_err();
    let log = log.lock().unwrap();
    assert_eq!(log[0], (Direction::Sent, "{\"execute\":\"query\",\"id\":0}".to_owned()));
    let shown = log.iter().filter(|(_, message)| message.contains("\"A\""));
    assert_eq!(shown.count(), 1, "{log:?}");
}

#[test]
fn a_failed_handshake_is_shown() {
    let log = Log::default();
    let builder = qmp_blocking::builder().on_wire(recorder(&log));
    handshake(builder, |mut peer| peer.send(GREETING)).unwrap_err();
    let log = log.lock().unwrap();
    assert_eq!(log[0], (Direction::Received, GREETING.trim_end().to_owned()));
    assert!(log[1].1.contains("qmp_capabilities"));
}
