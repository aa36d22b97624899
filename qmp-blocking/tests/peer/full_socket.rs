//! Peers that do not read.

use std::io::Read;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use qmp_blocking::Outcome;

use crate::peer::{PLENTY, connect, pair};

const LONG: usize = 8 << 20;

#[test]
fn a_deadline_passes_while_a_long_command_is_being_written() {
    let (stop, stopped) = mpsc::channel::<()>();
    let client = connect(move |mut peer| {
        let _ = stopped.recv();
        // It reads on after all.
        let command = peer.receive();
        assert!(command.len() > LONG);
        peer.answer(&command, "1");
        let command = peer.receive();
        peer.answer(&command, "2");
    });
    let started = Instant::now();
    let long = "x".repeat(LONG);
    let moment = Duration::from_millis(100);
    let error = client.execute("log").argument("text", &long).timeout(moment).run();
    let error = error.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!((moment..PLENTY).contains(&started.elapsed()));
    drop(stop);
    let reply = client.execute("query").run().unwrap();
    assert_eq!(reply.json().unwrap().as_str(), "2");
}

#[test]
fn sending_does_not_wait_for_room() {
    let (stop, stopped) = mpsc::channel::<()>();
    let client = connect(move |mut peer| {
        let _ = stopped.recv();
        for _ in 0..4 {
            let command = peer.receive();
            peer.answer(&command, "{}");
        }
    });
    let long = "x".repeat(1 << 20);
    let sent = [(); 4].map(|()| client.execute("log").argument("text", &long).send().unwrap());
    drop(stop);
    for sent in sent {
        sent.recv().unwrap();
    }
}

/// A guest agent reads nothing while it writes: with a client that only writes, both would wait
/// for each other.
#[test]
fn we_read_while_writing_is_held_up() {
    let socket = pair(|mut peer| {
        peer.sync();
        let first = peer.receive();
        // Longer than the socket holds, and nothing is read before all of it has left.
        peer.answer(&first, &format!("\"{}\"", "y".repeat(LONG)));
        let second = peer.receive();
        assert!(second.len() > LONG);
        peer.answer(&second, "2");
    });
    let agent = qmp_blocking::builder().agent().connect_over(socket.0, "peer").unwrap();
    let first = agent.execute("first").send().unwrap();
    let long = "x".repeat(LONG);
    let second = agent.execute("second").argument("text", &long).run().unwrap();
    assert_eq!(second.json().unwrap().as_str(), "2");
    assert_eq!(first.recv().unwrap().decode::<String>().unwrap().len(), LONG);
}

#[test]
fn a_message_may_arrive_byte_by_byte() {
    let client = connect(|mut peer| {
        let command = peer.receive();
        let id = crate::peer::id(&command);
        for byte in format!("{{\"return\": [1, {{}}], \"id\": {id}}}\r\n").chars() {
            peer.send(&byte.to_string());
        }
        let _ = peer.stream().read(&mut [0]);
    });
    let reply = client.execute("query").timeout(PLENTY).run().unwrap();
    assert_eq!(reply.json().unwrap().as_str(), "[1, {}]");
}
