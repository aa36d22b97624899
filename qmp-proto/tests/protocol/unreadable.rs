//! Received replies and events with invalid content.

use qmp_proto::{BodyError, JsonErrorKind, Options, Received};

use crate::peer::Peer;

/// Values that servers have sent and that are not JSON, with the kind and offset of the error.
const VALUES: [(&[u8], JsonErrorKind, usize); 12] = [
    (b"{\"x\": NaN}", JsonErrorKind::Syntax, 6),
    (b"{\"x\": -inf}", JsonErrorKind::Syntax, 7),
    (b"{\"x\": Infinity}", JsonErrorKind::Syntax, 6),
    (b"{\"x\": 0,5}", JsonErrorKind::Syntax, 8),
    (b"{\"x\": 1,}", JsonErrorKind::Syntax, 8),
    (b"{\"x\": [1, 2,]}", JsonErrorKind::Syntax, 12),
    (b"{\"x\": \"\\ud800\"}", JsonErrorKind::LoneSurrogate, 7),
    (b"{\"x\": \"caf\xe9\"}", JsonErrorKind::Utf8, 10),
    (b"{\"x\": \"a\tb\"}", JsonErrorKind::ControlCharacter, 8),
    (b"{\"x\": 'a'}", JsonErrorKind::Syntax, 6),
    (b"{\"x\": .5}", JsonErrorKind::Syntax, 6),
    (b"{\"x\": 01}", JsonErrorKind::Syntax, 7),
];

/// Replies to the command 0 with duplicate members.
const DOUBLED: [&str; 4] = [
    "{\"return\": {}, \"return\": {\"x\": 1}, \"id\": 0}",
    "{\"return\": {\"x\": 1}, \"return\": {}, \"id\": 0}",
    "{\"return\": {}, \"id\": 0, \"id\": 0}",
    "{\"return\": {}, \"id\": 1, \"id\": 0}",
];

fn reply(value: &[u8]) -> Vec<u8> {
    [b"{\"return\": ", value, b", \"id\": 0}\r\n"].concat()
}

fn event(value: &[u8]) -> Vec<u8> {
    let start =
        b"{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"E\", \"data\": ";
    [start, value, b"}\r\n"].concat()
}

/// A client that has sent the command 0.
fn asked() -> Peer {
    let mut peer = Peer::ready(Options::monitor(), &[]);
    peer.execute("query", 1);
    peer
}

#[test]
fn an_invalid_reply_is_an_answer_whose_value_is_an_error() {
    for (value, flaw, at) in VALUES {
        let (mut peer, line) = (asked(), reply(value));
        let step = peer.client.handle_input(&line).unwrap();
        let Some(Received::Reply(answer)) = step.received else {
            panic!("{}", value.escape_ascii());
        };
        let Ok(reply) = answer.outcome else { panic!("{}", value.escape_ascii()) };
        let error: BodyError = reply.json().unwrap_err();
        assert_eq!((error.kind(), error.offset()), (flaw, at), "{}", value.escape_ascii());
        assert!(error.to_string().starts_with("the received message is not valid: "), "{error}");
        assert_eq!(peer.client.in_flight(), 0);
        #[cfg(feature = "alloc")]
        {
            let owned = reply.into_owned();
            assert_eq!(owned.json().unwrap_err(), error);
            assert_eq!(owned.message_with_id(Some("7")).unwrap_err(), error);
        }
        #[cfg(feature = "serde")]
        {
            let decoded = reply.decode::<serde_json::Value>().unwrap_err();
            assert_eq!(decoded, error.into());
            assert_eq!(decoded.at(), at);
        }
    }
}

#[test]
fn an_event_with_invalid_data_is_delivered_and_its_data_is_an_error() {
    for (value, flaw, at) in VALUES {
        let (mut peer, line) = (asked(), event(value));
        let step = peer.client.handle_input(&line).unwrap();
        let Some(Received::Event(event)) = step.received else {
            panic!("{}", value.escape_ascii());
        };
        let error: BodyError = event.data().unwrap_err();
        assert_eq!((error.kind(), error.offset()), (flaw, at), "{}", value.escape_ascii());
        assert_eq!(peer.client.in_flight(), 1, "the command is not answered by it");
        #[cfg(feature = "alloc")]
        assert_eq!(event.into_owned().data().unwrap_err(), error);
        #[cfg(feature = "serde")]
        assert_eq!(event.decode::<serde_json::Value>().unwrap_err(), error.into());
    }
}

/// Whether such a line is a reply depends on the framing, but its value can never be read.
#[test]
fn a_reply_with_duplicate_members_is_never_read() {
    for line in DOUBLED {
        let (mut peer, line) = (asked(), format!("{line}\r\n"));
        match peer.client.handle_input(line.as_bytes()).unwrap().received {
            Some(Received::Reply(answer)) => {
                let reply = answer.outcome.unwrap();
                reply.json().unwrap_err();
                #[cfg(feature = "serde")]
                reply.decode::<serde_json::Value>().unwrap_err();
            }
            Some(Received::Malformed(_)) => {}
            other => panic!("{line}: {other:?}"),
        }
    }
}

#[test]
fn an_invalid_error_reply_is_never_an_error_of_the_request() {
    for (value, ..) in VALUES {
        let start = b"{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\", \"more\": ";
        let line = [start, value, b"}, \"id\": 0}\r\n"].concat();
        let mut peer = asked();
        match peer.client.handle_input(&line).unwrap().received {
            Some(Received::Reply(answer)) => {
                let _: BodyError = answer.outcome.unwrap_err().json().unwrap_err();
            }
            Some(Received::Malformed(_)) => {}
            other => panic!("{}: {other:?}", line.escape_ascii()),
        }
    }
}
