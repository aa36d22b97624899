//! Ends of connections, told apart.

use std::sync::mpsc;
use std::time::Duration;

use qmp_blocking::{CloseReason, Error, ErrorKind, Outcome};

use crate::peer::{connect, connect_with, handshake};

fn reason(error: &Error) -> &CloseReason {
    match error.kind() {
        ErrorKind::Disconnected { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_end_inside_a_message() {
    let client = connect(|mut peer| {
        let command = peer.receive();
        peer.send(&format!("{{\"return\": {{\"cut\": \"off{command}"));
    });
    let error = client.execute("query").run().unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!(matches!(reason(&error), CloseReason::Protocol(_)), "{error:?}");
    assert!(
        error.to_string().contains("the server closed the connection inside a message"),
        "{error}"
    );
}

#[test]
fn the_end_in_the_handshake() {
    for said in ["", "{\"QMP\": {}}\r\n", "{\"QMP\""] {
        let error = handshake(qmp_blocking::builder(), move |mut peer| {
            peer.send(said);
            if said.ends_with('\n') {
                peer.receive();
            }
        });
        let error = error.unwrap_err();
        assert!(error.is_disconnected(), "{error}");
        assert_eq!(error.outcome(), Outcome::NotSent);
        let phase = if said.ends_with('\n') {
            "capabilities are being negotiated"
        } else {
            "waiting for the greeting"
        };
        assert!(
            error.to_string().contains(&format!("the server closed the connection: {phase}")),
            "{said}: {error}"
        );
    }
}

#[test]
fn the_end_with_commands_in_flight() {
    let client = connect(|mut peer| {
        peer.receive();
        let second = peer.receive();
        peer.receive();
        peer.answer(&second, "{}");
    });
    let sent = [(); 3].map(|()| client.execute("query").send().unwrap());
    let [first, second, third] = sent;
    // The answer to the second overtook the first's, which will not come any more.
    let overtaken = first.recv().unwrap_err();
    assert_eq!(overtaken.outcome(), Outcome::Unknown);
    second.recv().unwrap();
    let error = third.recv().unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!(
        error
            .to_string()
            .contains("query: the server closed the connection with a request unanswered"),
        "{error}"
    );
}

#[test]
fn the_end_with_nothing_in_flight() {
    let client = connect(|mut peer| {
        let command = peer.receive();
        peer.answer(&command, "{}");
        peer.send("{\"event\": \"LAST\"}\r\n");
    });
    let last = client.event();
    client.execute("query").run().unwrap();
    assert_eq!(last.run().unwrap().name(), "LAST");
    let error = client.event().run().unwrap_err();
    assert!(matches!(reason(&error), CloseReason::Closed), "{error:?}");
    assert_eq!(error.to_string(), "the server closed the connection (peer)");
}

/// What the server sent before it closed is read, though writing to it fails.
#[test]
fn an_answer_is_read_from_a_server_that_has_closed() {
    let (closed, until_closed) = mpsc::channel::<()>();
    let client = connect(move |mut peer| {
        let command = peer.receive();
        peer.answer(&command, "1");
        drop(peer);
        drop(closed);
    });
    let first = client.execute("first").send().unwrap();
    until_closed.recv().unwrap_err();
    let error = client.execute("second").run().unwrap_err();
    assert!(error.is_disconnected(), "{error}");
    assert_eq!(first.recv().unwrap().json().unwrap().as_str(), "1");
}

#[test]
fn a_failed_quit_keeps_the_connection() {
    let client = connect(|mut peer| {
        for answer in
            ["\"error\": {\"class\": \"GenericError\", \"desc\": \"No\"}", "\"return\": {}"]
        {
            let id = crate::peer::id(&peer.receive());
            peer.send(&format!("{{{answer}, \"id\": {id}}}\r\n"));
        }
    });
    assert!(client.execute("quit").run().unwrap_err().class().is_some());
    client.execute("query").run().unwrap();
}

#[test]
fn quit_succeeds_without_an_answer_too() {
    let client = connect(|mut peer| {
        peer.receive();
    });
    let reply = client.execute("quit").run().unwrap();
    assert_eq!(reply.json().unwrap().as_str(), "{}");
    assert!(client.execute("query").run().unwrap_err().is_disconnected());

    let client = connect(|mut peer| {
        peer.receive();
    });
    let answer = client.raw("{\"execute\": \"quit\", \"id\": 7}").run().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["return"], serde_json::json!({}));
}

#[test]
fn closing_waits_until_everything_is_answered() {
    let (answered, seen) = mpsc::channel();
    let client = connect(move |mut peer| {
        for _ in 0..3 {
            let command = peer.receive();
            peer.send("{\"event\": \"BUSY\"}\r\n");
            answered.send(command.len()).unwrap();
            peer.answer(&command, "{}");
        }
    });
    let long = "x".repeat(2 << 20);
    for _ in 0..3 {
        drop(client.execute("log").argument("text", &long).send().unwrap());
    }
    client.close().unwrap();
    assert_eq!(seen.try_iter().filter(|length| *length > 2 << 20).count(), 3);

    // A server that closes by itself is as good, one that does not answer is told of.
    let client = connect(|mut peer| {
        peer.receive();
    });
    drop(client.execute("log").send().unwrap());
    client.close().unwrap();

    let builder = qmp_blocking::builder().handshake_timeout(Duration::from_millis(50));
    let (stop, stopped) = mpsc::channel::<()>();
    let client = connect_with(builder, move |_peer| {
        let _ = stopped.recv();
    });
    drop(client.execute("log").argument("text", &long).send().unwrap());
    let error = client.close().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    drop(stop);
}
