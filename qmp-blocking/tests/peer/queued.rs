//! Commands that leave together.

use std::io::Read;
use std::sync::mpsc;

use crate::peer::{PLENTY, connect};

/// A server that says what each read brought, and answers nothing.
fn reads() -> (qmp_blocking::Connection, mpsc::Receiver<String>) {
    let (sender, receiver) = mpsc::channel();
    let connection = connect(move |mut peer| {
        let mut room = [0; 1 << 20];
        while let Ok(count @ 1..) = peer.stream().read(&mut room) {
            let text = String::from_utf8(room[..count].to_vec()).unwrap();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    (connection, receiver)
}

const QUEUED: &str = r#"{"execute":"a","id":0}{"execute":"b","id":1}"#;

#[test]
fn queued_commands_leave_with_the_next_that_is_sent() {
    let (mut connection, reads) = reads();
    drop(connection.execute("a").queue().unwrap());
    drop(connection.execute("b").queue().unwrap());
    assert!(reads.try_recv().is_err(), "nothing has left");
    drop(connection.execute("c").send().unwrap());
    let read = reads.recv_timeout(PLENTY).unwrap();
    assert_eq!(read, format!("{QUEUED}{}", r#"{"execute":"c","id":2}"#));
}

#[test]
fn queued_commands_leave_when_they_are_flushed() {
    let (mut connection, reads) = reads();
    drop(connection.execute("a").queue().unwrap());
    drop(connection.execute("b").queue().unwrap());
    connection.flush().unwrap();
    assert_eq!(reads.recv_timeout(PLENTY).unwrap(), QUEUED);
}

#[test]
fn a_queue_that_is_long_leaves_by_itself() {
    let (mut connection, reads) = reads();
    let long = "x".repeat(40_000);
    drop(connection.execute("a").argument("x", &long).queue().unwrap());
    drop(connection.execute("a").argument("x", &long).queue().unwrap());
    assert!(reads.recv_timeout(PLENTY).is_ok());
}

#[test]
fn an_answer_that_is_waited_for_is_asked_for_first() {
    let mut connection = connect(|mut peer| {
        let (a, b) = (peer.receive(), peer.receive());
        peer.answer(&a, "1");
        peer.answer(&b, "2");
    });
    let a = connection.execute("a").queue().unwrap();
    let b = connection.execute("b").queue().unwrap();
    assert_eq!(b.wait(&mut connection).unwrap().json().unwrap().as_str(), "2");
    assert_eq!(a.wait(&mut connection).unwrap().json().unwrap().as_str(), "1");
    drop(connection.execute("c").queue().unwrap());
    connection.event().deadline(PLENTY).wait().unwrap_err();
    assert!(connection.flush().is_err(), "the server has left");
}
