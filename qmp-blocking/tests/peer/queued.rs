//! Commands that are written together.

use std::io::Read;
use std::sync::mpsc;

use qmp_blocking::Client;

use crate::peer::{PLENTY, connect};

/// A server that reports what each read brought, and answers nothing.
fn reads() -> (Client, mpsc::Receiver<String>) {
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

fn queue_two(client: &Client) {
    drop(client.execute("a").queue().unwrap());
    drop(client.execute("b").queue().unwrap());
}

#[test]
fn queued_commands_leave_with_the_next_that_is_sent() {
    let (client, reads) = reads();
    queue_two(&client);
    assert!(reads.try_recv().is_err(), "nothing has left");
    drop(client.execute("c").send().unwrap());
    let read = reads.recv_timeout(PLENTY).unwrap();
    assert_eq!(read, format!("{QUEUED}{}", r#"{"execute":"c","id":2}"#));
}

#[test]
fn queued_commands_leave_when_they_are_flushed() {
    let (client, reads) = reads();
    queue_two(&client);
    client.flush();
    assert_eq!(reads.recv_timeout(PLENTY).unwrap(), QUEUED);
}

#[test]
fn queued_commands_leave_when_the_client_is_dropped() {
    let (client, reads) = reads();
    queue_two(&client);
    drop(client);
    assert_eq!(reads.recv_timeout(PLENTY).unwrap(), QUEUED);
}

/// Before that many are in flight, one has to be answered.
#[test]
fn a_queue_at_the_limit_leaves_by_itself() {
    let client = connect(|mut peer| {
        for _ in 0..200 {
            let command = peer.receive();
            peer.answer(&command, "{}");
        }
    });
    let queued: Vec<_> = (0..200).map(|_| client.execute("a").queue().unwrap()).collect();
    for queued in queued {
        queued.recv().unwrap();
    }
}

#[test]
fn an_answer_that_is_awaited_is_asked_for_first() {
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

/// The driver collects what follows answers that came together; a command that is sent leaves all
/// the same, though nothing is awaited after it.
#[test]
fn a_command_is_sent_at_once_after_answers_that_came_together() {
    let (sent, received) = mpsc::channel();
    let client = connect(move |mut peer| {
        let ids = [(); 2].map(|()| crate::peer::id(&peer.receive()));
        peer.send(&ids.map(|id| format!("{{\"return\": {{}}, \"id\": {id}}}\r\n")).concat());
        sent.send(peer.receive()).unwrap();
    });
    let queued = [(); 2].map(|()| client.execute("a").queue().unwrap());
    for queued in queued {
        queued.recv().unwrap();
    }
    let third = client.execute("third").send().unwrap();
    assert!(received.recv_timeout(PLENTY).unwrap().contains("third"));
    third.recv().unwrap_err();
}
