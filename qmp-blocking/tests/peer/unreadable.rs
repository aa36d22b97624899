//! Answers that came and cannot be read: the command was done, and no error says otherwise.

use std::io::Write;

use qmp_blocking::{Client, Command, Error, ErrorKind, Outcome};
use serde::Deserialize;

use crate::peer::{connect, id};

const VALUES: [&[u8]; 9] = [
    b"{\"x\": NaN}",
    b"{\"x\": -inf}",
    b"{\"x\": 0,5}",
    b"{\"x\": 1,}",
    b"{\"x\": \"\\ud800\"}",
    b"{\"x\": \"caf\xe9\"}",
    b"{\"x\": \"a\tb\"}",
    b"{\"x\": 1}, \"return\": {}",
    b"{\"x\": 1}, \"id\": 7",
];

#[derive(serde::Serialize)]
struct Query;

#[derive(Debug, Deserialize)]
struct Output {
    #[allow(dead_code)]
    x: serde_json::Value,
}

impl Command for Query {
    const NAME: &'static str = "query";
    type Output = Output;
}

/// A client whose commands are all answered with this value.
fn answered_with(value: &'static [u8]) -> Client {
    connect(move |mut peer| {
        for _ in 0..2 {
            let id = id(&peer.receive());
            let answer = [b"{\"return\": ", value, b", \"id\": ", id.as_bytes(), b"}\r\n"].concat();
            if peer.stream().write_all(&answer).is_err() {
                return;
            }
        }
    })
}

fn never_not_sent(error: &Error) {
    match error.kind() {
        ErrorKind::Decode(_) => assert_eq!(error.outcome(), Outcome::Answered, "{error}"),
        // The connection ended with it: the server may have sent anything.
        ErrorKind::Disconnected { sent: true, .. } => assert_eq!(error.outcome(), Outcome::Unknown),
        _ => panic!("{error:?}"),
    }
    assert!(!error.to_string().contains("not sent"), "{error}");
}

#[test]
fn an_answer_that_cannot_be_read_is_never_called_not_sent() {
    for value in VALUES {
        let client = answered_with(value);
        let error = match client.execute("query").run() {
            Ok(reply) => reply.json().map(drop).unwrap_err(),
            Err(error) => error,
        };
        never_not_sent(&error);
        let client = answered_with(value);
        never_not_sent(&client.call(&Query).run().unwrap_err());
        let client = answered_with(value);
        let error = client.raw(r#"{"execute": "query", "id": "theirs"}"#).run().unwrap_err();
        never_not_sent(&error);
    }
}

#[test]
fn an_event_that_cannot_be_read_is_never_called_not_sent() {
    for value in VALUES {
        let client = connect(move |mut peer| {
            let first = peer.receive();
            let event = [b"{\"event\": \"E\", \"data\": ".as_slice(), value, b"}\r\n"].concat();
            peer.stream().write_all(&event).unwrap();
            peer.answer(&first, "{}");
            if let Some(second) = peer.try_receive() {
                peer.answer(&second, "{}");
            }
        });
        let event = client.event().named("E");
        drop(client.execute("first").send().unwrap());
        let error = match event.run() {
            Ok(event) => match event.data() {
                Ok(_) => continue, // Members beside the data: legal.
                Err(error) => Error::from(error),
            },
            // A line that is not one message ends a monitor's connection.
            Err(error) => {
                assert!(error.is_disconnected(), "{error:?}");
                continue;
            }
        };
        never_not_sent(&error);
        client.execute("query").run().unwrap();
    }
}
