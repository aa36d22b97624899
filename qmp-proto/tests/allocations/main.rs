//! Allocations: none per message after buffers and table have grown, and never more than
//! the longest message implies.

// Helpers panic as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod counting;
#[cfg(feature = "alloc")]
mod large;
#[cfg(feature = "alloc")]
mod server;

use std::io::Write as _;

use counting::allocations;
use qmp_proto::{Arguments, Client, FixedOutput, Options, RawMessage, Received, Request};

const GREETING: &[u8] =
    b"{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 0, \"major\": 10}, \"package\": \"\"}, \"capabilities\": [\"oob\"]}}\r\n";
const GRANTED: &[u8] = b"{\"return\": {}, \"id\": 4503599627370503}\r\n";
const EVENT: &[u8] =
    b"{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"E\", \"data\": {\"a\": [1]}}\r\n";
/// A reply for the full route.
const OTHER_EVENT: &[u8] = b"{\"event\": \"E\", \"data\": {\"a\": [1]}, \"x\": \"\\u0041\"}\r\n";
const STRAY: &[u8] = b"{\"return\": {}, \"id\": \"foreign\"}\r\n";
const NOISE: &[u8] = b"noise\r\n";

/// The text before and after the id of a reply: one for each route, and an error reply.
const ANSWERS: [(&str, &str); 3] = [
    ("{\"return\": {\"running\": true}, \"id\": ", "}"),
    ("{\"id\": ", ", \"return\": {\"running\": true}}"),
    ("{\"id\": ", ", \"error\": {\"class\": \"GenericError\", \"desc\": \"\\\"no\\\"\"}}"),
];

const ARGUMENTS: &str = r#"{"id": "net0", "options": [1, 2.5, {"a": "\u0041"}]}"#;

/// Replies to one request after the other, without allocations.
struct Answering {
    id: u64,
    line: [u8; 128],
}

impl Answering {
    const fn new() -> Self {
        Self { id: 0, line: [0; 128] }
    }

    fn next(&mut self, (before, after): (&str, &str)) -> &[u8] {
        let mut rest = &mut self.line[..];
        write!(rest, "{before}{}{after}\r\n", self.id).unwrap();
        self.id += 1;
        let rest = rest.len();
        &self.line[..self.line.len() - rest]
    }
}

fn handshake(client: &mut Client<u8>, out: &mut FixedOutput<'_>) {
    let step = client.handle_input(GREETING).unwrap();
    assert!(matches!(step.received, Some(Received::Greeting(_))));
    client.negotiate(out, 7, &["oob"]).unwrap();
    out.advance(usize::MAX);
    let rest = &GREETING[step.used..];
    let used = client.handle_input(rest).unwrap().used;
    assert_eq!(used, rest.len());
    let step = client.handle_input(GRANTED).unwrap();
    assert!(matches!(step.received, Some(Received::Ready)));
}

/// Decodes one message, which is the whole input, and reads its value.
fn feed(client: &mut Client<u8>, bytes: &[u8]) {
    let step = client.handle_input(bytes).unwrap();
    assert_eq!(step.used, bytes.len());
    match step.received.unwrap() {
        Received::Reply(answer) => match answer.outcome {
            Ok(reply) => assert_eq!(reply.json().unwrap().as_str(), "{\"running\": true}"),
            Err(failure) => assert_eq!(failure.description(), "\"no\""),
        },
        Received::Event(event) => assert!(event.data().unwrap().is_some()),
        Received::Stray(_) | Received::Malformed(_) => {}
        other => panic!("{other:?}"),
    }
}

fn everything(client: &mut Client<u8>, out: &mut FixedOutput<'_>, answering: &mut Answering) {
    for answer in ANSWERS {
        client.execute(out, Request::new("stop"), 1).unwrap();
        feed(client, answering.next(answer));
        let arguments = Arguments::parse(ARGUMENTS).unwrap();
        let request = Request::new("device_del").arguments(arguments);
        client.execute(out, request, 1).unwrap();
        feed(client, answering.next(answer));
        let raw = RawMessage::parse("{\"execute\": \"stop\", \"id\": [1]}").unwrap();
        client.execute_raw(out, &raw, 1).unwrap();
        feed(client, answering.next(answer));
        out.advance(usize::MAX);
    }
    let abandoned = client.execute(out, Request::new("stop"), 1).unwrap();
    client.abandon(abandoned);
    assert!(client.handle_input(answering.next(ANSWERS[0])).unwrap().received.is_none());
    client.execute(out, Request::new("not a name"), 1).unwrap_err();
    for bytes in [EVENT, OTHER_EVENT, STRAY, NOISE] {
        feed(client, bytes);
    }
    out.advance(usize::MAX);
}

#[test]
fn a_client_allocates_nothing_per_message() {
    let mut memory = [0; 4096];
    let mut out = FixedOutput::new(&mut memory);
    let mut client: Client<u8> = Client::monitor(Options::monitor());
    let mut answering = Answering::new();
    let handshaking = allocations(|| handshake(&mut client, &mut out));
    assert_eq!(handshaking, 0);
    let warming_up = allocations(|| everything(&mut client, &mut out, &mut answering));
    let table = usize::from(cfg!(feature = "alloc"));
    assert_eq!(warming_up, table, "the table of requests, where there is an allocator");
    let rest = allocations(|| {
        for _ in 0..100 {
            everything(&mut client, &mut out, &mut answering);
        }
    });
    assert_eq!(rest, 0);
}

#[test]
fn an_agents_client_allocates_nothing_per_message() {
    let mut memory = [0; 4096];
    let mut out = FixedOutput::new(&mut memory);
    let mut client: Client<u8> = Client::agent(Options::agent());
    let mut answering = Answering::new();
    let mut session = || {
        client.sync(&mut out, 7).unwrap();
        let answer = b"\xFF{\"return\": 4503599627370503, \"id\": 4503599627370503}\n";
        let step = client.handle_input(answer).unwrap();
        assert!(matches!(step.received, Some(Received::Ready)));
        for answer in ANSWERS {
            client.execute(&mut out, Request::new("guest-ping"), 1).unwrap();
            feed(&mut client, answering.next(answer));
        }
        feed(&mut client, NOISE);
        out.advance(usize::MAX);
    };
    session();
    let rest = allocations(|| (0..100).for_each(|_| session()));
    assert_eq!(rest, 0);
}

#[cfg(feature = "alloc")]
mod session {
    use super::*;
    use qmp_proto::Session;

    /// Feeds a message as from a stream, and passes what was received to `then`.
    fn read(session: &mut Session<u8>, bytes: &[u8], then: impl Fn(Received<'_, u8>)) {
        session.spare_mut()[..bytes.len()].copy_from_slice(bytes);
        session.advance(bytes.len());
        while let Some((received, _)) = session.receive().unwrap() {
            then(received);
        }
    }

    fn write(session: &mut Session<u8>) {
        while let Some(outgoing) = session.output_chunk() {
            let count = outgoing.bytes.len().min(10);
            session.advance_output(count);
        }
    }

    fn ready() -> Session<u8> {
        let mut session: Session<u8> = Session::new(Client::monitor(Options::monitor()));
        read(&mut session, GREETING, |_| {});
        session.sender().negotiate(7, &[]).unwrap();
        write(&mut session);
        read(&mut session, GRANTED, |_| {});
        session
    }

    #[test]
    fn a_session_allocates_nothing_per_message() {
        let mut session = ready();
        let mut answering = Answering::new();
        let mut exchange = || {
            for answer in ANSWERS {
                session.sender().execute(Request::new("stop"), 1).unwrap();
                let arguments = Arguments::parse(ARGUMENTS).unwrap();
                let request = Request::new("device_del").arguments(arguments);
                session.sender().execute(request, 2).unwrap();
                write(&mut session);
                for answer in [answer, ANSWERS[0]] {
                    let answer = answering.next(answer);
                    read(&mut session, answer, |it| assert!(matches!(it, Received::Reply(_))));
                }
            }
            read(&mut session, EVENT, |it| assert!(matches!(it, Received::Event(_))));
            read(&mut session, STRAY, |it| assert!(matches!(it, Received::Stray(_))));
        };
        exchange();
        assert_eq!(allocations(|| (0..100).for_each(|_| exchange())), 0);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn arguments_that_serialize_need_one_vector_per_request() {
        #[derive(serde::Serialize)]
        struct DeviceDel<'a> {
            id: &'a str,
            options: &'a [f64],
        }
        let arguments = DeviceDel { id: "net0", options: &[1.0, 2.5] };
        let mut session = ready();
        let mut answering = Answering::new();
        let mut exchange = || {
            let serialized = qmp_proto::OwnedArguments::serialize(&arguments).unwrap();
            let request = Request::new("device_del").arguments(serialized.as_arguments());
            session.sender().execute(request, 1).unwrap();
            write(&mut session);
            read(&mut session, answering.next(ANSWERS[0]), |it| {
                #[derive(serde::Deserialize)]
                struct Status {
                    running: bool,
                }
                let Received::Reply(answer) = it else { panic!() };
                assert!(answer.outcome.unwrap().decode::<Status>().unwrap().running);
            });
        };
        exchange();
        let each = allocations(|| (0..100).for_each(|_| exchange()));
        assert_eq!(each, 100, "one vector per request");
    }
}
