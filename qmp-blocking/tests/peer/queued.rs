//! Commands that leave together.

use std::io::Read;
use std::sync::mpsc;

use crate::peer::{PLENTY, connect};

/// A server that says what each read brought, and answers nothing.
fn reads() -> (qmp_blocking::Client, mpsc::Receiver<String>) {
    let (sender, receiver) = mpsc::channel();
    let client = connect(move |mut peer| {
        let mut room = [0; 1 << 20];
        while let Ok(count @ 1..) = peer.stream().read(&mut room) {
            let text = String::from_utf8(room[..count].to_vec()).unwrap();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    (client, receiver)
}

const QUEUED: &str = r#"{"execute":"a","id":0}{"execute":"b","id":1}"#;

#[test]
fn queued_commands_leave_with_the_next_that_is_sent() {
    let (client, reads) = reads();
    drop(client.execute("a").queue().unwrap());
    drop(client.execute("b").queue().unwrap());
    assert!(reads.try_recv().is_err(), "nothing has left");
    drop(client.execute("c").send().unwrap());
    let read = reads.recv_timeout(PLENTY).unwrap();
    assert_eq!(read, format!("{QUEUED}{}", r#"{"execute":"c","id":2}"#));
}

#[test]
fn queued_commands_leave_when_they_are_flushed() {
    let (client, reads) = reads();
    drop(client.execute("a").queue().unwrap());
    drop(client.execute("b").queue().unwrap());
    client.flush();
    assert_eq!(reads.recv_timeout(PLENTY).unwrap(), QUEUED);
}

#[test]
fn a_queue_that_is_long_leaves_by_itself() {
    let (client, reads) = reads();
    let long = "x".repeat(40_000);
    drop(client.execute("a").argument("x", &long).queue().unwrap());
    drop(client.execute("a").argument("x", &long).queue().unwrap());
    assert!(reads.recv_timeout(PLENTY).is_ok());
}

#[test]
fn an_answer_that_is_waited_for_is_asked_for_first() {
    let client = connect(|mut peer| {
        let (a, b) = (peer.receive(), peer.receive());
        peer.answer(&a, "1");
        peer.answer(&b, "2");
    });
    let a = client.execute("a").queue().unwrap();
    let b = client.execute("b").queue().unwrap();
    assert_eq!(b.recv().unwrap().json().unwrap().as_str(), "2");
    assert_eq!(a.recv().unwrap().json().unwrap().as_str(), "1");
}
