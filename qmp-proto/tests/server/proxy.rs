//! A proxy of a server and a client, which loses nothing.

use qmp_proto::server::{Options, Received as Observed, Response, Server, Ticket};
use qmp_proto::{Client, RawJson, RawMessage, Received};

use crate::host::{Host, NEGOTIATE};

/// A proxy between the test's client and the test's server.
struct Proxy {
    front: Server,
    back: Client<Ticket>,
    /// The output to the client and to the server.
    down: Vec<u8>,
    up: Vec<u8>,
}

impl Proxy {
    fn new() -> Self {
        let mut front = Server::monitor(Options::monitor().in_band_limit(8));
        front.handle_input(&mut Vec::new(), NEGOTIATE.as_bytes()).unwrap();
        let back = Client::negotiated(qmp_proto::Options::monitor(), 7);
        Self { front, back, down: Vec::new(), up: Vec::new() }
    }

    fn client_says(&mut self, bytes: &[u8]) {
        let step = self.front.handle_input(&mut self.down, bytes).unwrap();
        assert_eq!(step.used, bytes.len());
        if let Some(Observed::Command(command, ticket)) = step.received {
            let message = command.message();
            let raw = RawMessage::parse(message.as_str()).unwrap();
            self.back.execute_raw(&mut self.up, &raw, ticket).unwrap();
        }
    }

    fn server_says(&mut self, bytes: &[u8]) {
        match self.back.handle_input(bytes).unwrap().received {
            Some(Received::Reply(answer)) => {
                let response = match &answer.outcome {
                    Ok(reply) => Response::json(reply.json().unwrap()),
                    Err(failure) => Response::raw_error(failure.json().unwrap()),
                };
                self.front.answer(&mut self.down, answer.token, &response).unwrap();
            }
            Some(Received::Event(event)) => {
                let event = RawJson::parse(std::str::from_utf8(event.message()).unwrap()).unwrap();
                self.front.emit_raw(&mut self.down, event).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn nothing_is_lost() {
    let mut proxy = Proxy::new();
    for (asked, answered) in [
        (r#""id":"mine""#, r#"{"return": {"a" : [1e400, "\u00e9"]}, "id": "mine"}"#),
        (
            r#""id":{"x":[]}"#,
            r#"{"id": {"x": []}, "error": {"class": "Odd", "desc": "\"", "data": {"a": 1}}}"#,
        ),
        ("\"id\":1", r#"{"return": {}, "id": 1}"#),
    ] {
        let arguments = r#"{ "a" :1.50,"b":["\u0041"]}"#;
        let message = format!("{{\"execute\":\"x\", \"arguments\": {arguments},{asked}}}");
        proxy.client_says(message.as_bytes());
        // The real server received another id.
        let up = String::from_utf8(std::mem::take(&mut proxy.up)).unwrap();
        let (before, id) = up.rsplit_once("\"id\":").unwrap();
        assert!(before.ends_with(&format!("\"arguments\": {arguments},")), "{up}");
        let id = id.trim_end_matches('}');
        let (_, value) = asked.split_once(':').unwrap();
        let value = value.replace(':', ": ");
        let upstream = answered.replace(&format!("\"id\": {value}"), &format!("\"id\": {id}"));
        assert_ne!(upstream, answered);
        proxy.server_says(format!("{upstream}\r\n").as_bytes());
        let down = String::from_utf8(std::mem::take(&mut proxy.down)).unwrap();
        assert_eq!(down, format!("{answered}\r\n"));
    }
    let event = "{\"event\": \"X\",  \"data\": \"a string\", \"more\": 1}\r\n";
    proxy.server_says(event.as_bytes());
    assert_eq!(String::from_utf8_lossy(&proxy.down), event);
}

#[test]
fn invalid_requests_never_reach_the_server() {
    let mut host = Host::ready(Options::monitor().in_band_limit(8), NEGOTIATE);
    for message in
        ["{\"execute\":\"x\",\"id\":0e5}", "{\"execute\":\"x\",\"a\":1}", "[]", "{\"a\":\"\n\"}"]
    {
        let observed = host.feed(message);
        assert!(matches!(&observed[..], [crate::host::Observed::Rejected(..)]), "{message}");
    }
    // Valid requests can be forwarded.
    let observed = host.feed("{'execute':'it\\'s','id':1e5,\"arguments\":{}}");
    let [crate::host::Observed::Command(command, _)] = &observed[..] else {
        panic!("{observed:?}")
    };
    RawMessage::parse(command.message().as_str()).unwrap();
}
