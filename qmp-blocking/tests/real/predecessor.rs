//! Answers to a client that has left.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex, mpsc};

use qmp_blocking::Direction;
use serde_json::Value;

use crate::server::{Clients, PLENTY, Suite};
use crate::slow::Slow;

conformance::on_every_qemu!(
    an_answer_to_the_client_before_is_nobodys,
    half_a_command_of_the_client_before_harms_nobody,
);

/// Its ids are the ones that a new connection uses too.
fn an_answer_to_the_client_before_is_nobodys(suite: &Suite) {
    let mut server = suite.qemu();
    let slow = Slow::new(server.folder());
    for _ in 0..5 {
        let first = server.client();
        first.execute("query-name").run().unwrap();
        drop(slow.command(&first).send().unwrap());
        slow.begun();
        // To drop it waits until the server has read everything.
        first.abort();
        drop(first);

        // The greeting comes from a thread of its own, while the command still runs.
        let (greeted, wait_for_greeting) = mpsc::channel();
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        let builder =
            qmp_blocking::builder().handshake_timeout(PLENTY).on_wire(move |direction, message| {
                if direction == Direction::Received {
                    log.lock().unwrap().push(String::from_utf8_lossy(message).into_owned());
                    let _ = greeted.send(());
                }
            });
        let address = server.address();
        let second = std::thread::spawn(move || {
            let second = builder.connect(address).unwrap();
            for _ in 0..5 {
                let status: Value = second.execute("query-status").run().unwrap().decode().unwrap();
                assert_eq!(status["running"], false, "{status}");
            }
        });
        wait_for_greeting.recv_timeout(PLENTY).unwrap();
        slow.finish();
        second.join().unwrap();
        let received = received.lock().unwrap();
        assert_eq!(received[1], r#"{"return": {}, "id": 1}"#, "not to us: {received:?}");
        assert_eq!(received.len(), 8);
    }
}

fn half_a_command_of_the_client_before_harms_nobody(suite: &Suite) {
    let mut server = suite.qemu();
    let mut raw = server.stream();
    let mut greeting = [0; 5];
    raw.read_exact(&mut greeting).unwrap();
    raw.write_all(b"{\"execute\":\"qmp_capabilities\",\"id\":\"half").unwrap();
    drop(raw);
    let qemu = server.client();
    qemu.execute("query-status").run().unwrap();
}
