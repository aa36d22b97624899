//! Whole sessions in two kilobytes of memory, as on a machine without an allocator.

// Helpers panic as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use qmp_proto::{
    Client, FixedOutput, NoReplyReason, OUT_OF_BAND, Options, Phase, ProtocolError, RawMessage,
    Received, Request, SendErrorKind,
};

/// Input in fixed memory, filled by the test's server with a few bytes at a time.
struct Input {
    memory: [u8; 1024],
    length: usize,
}

/// What was received, in a form that needs no allocator.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kept {
    Greeting,
    Ready,
    Done(u8),
    Failed(u8),
    Lost(u8, NoReplyReason),
    Event,
    Stray,
    Malformed,
    Desynchronised,
    Other,
}

impl Input {
    const fn new() -> Self {
        Self { memory: [0; 1024], length: 0 }
    }

    /// Feeds the bytes to the client in pieces of seven, and returns what was received.
    fn feed<const N: usize>(
        &mut self,
        client: &mut Client<u8, N>,
        bytes: &[u8],
    ) -> Result<([Kept; 8], usize), ProtocolError> {
        let (mut kept, mut count) = ([Kept::Other; 8], 0);
        for piece in bytes.chunks(7) {
            self.memory[self.length..self.length + piece.len()].copy_from_slice(piece);
            self.length += piece.len();
            loop {
                let step = client.handle_input(&self.memory[..self.length])?;
                let used = step.used;
                let received = step.received.map(|received| keep(&received));
                self.memory.copy_within(used..self.length, 0);
                self.length -= used;
                let Some(received) = received else { break };
                kept[count] = received;
                count += 1;
            }
        }
        Ok((kept, count))
    }
}

fn keep(received: &Received<'_, u8>) -> Kept {
    match received {
        Received::Greeting(greeting) => {
            assert!(greeting.offers(OUT_OF_BAND));
            Kept::Greeting
        }
        Received::Ready => Kept::Ready,
        Received::Reply(answer) => match &answer.outcome {
            Ok(reply) => {
                assert!(reply.json().is_ok());
                Kept::Done(answer.token)
            }
            Err(failure) => {
                assert_eq!(failure.description(), "\"no\"");
                Kept::Failed(answer.token)
            }
        },
        Received::Unanswered(lost) => Kept::Lost(lost.token, lost.reason),
        Received::Event(event) => {
            assert_eq!(event.name(), "STOP");
            Kept::Event
        }
        Received::Stray(_) => Kept::Stray,
        Received::Malformed(_) => Kept::Malformed,
        Received::Desynchronised => Kept::Desynchronised,
        _ => Kept::Other,
    }
}

#[test]
fn a_whole_session_with_a_monitor_needs_no_allocator() {
    let mut memory = [0; 1024];
    let mut out = FixedOutput::new(&mut memory);
    let mut input = Input::new();
    let mut client: Client<u8, 4> = Client::monitor(Options::monitor().longest_message(1000));
    let mut feed = |client: &mut Client<u8, 4>, bytes: &str, expected: &[Kept]| {
        let (kept, count) = input.feed(client, bytes.as_bytes()).unwrap();
        assert_eq!(&kept[..count], expected, "{bytes}");
    };

    let greeting = concat!(
        r#"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "#,
        r#""package": "Debian"}, "capabilities": ["oob"]}}"#,
        "\r\n"
    );
    feed(&mut client, greeting, &[Kept::Greeting]);
    client.negotiate(&mut out, 7, &[OUT_OF_BAND]).unwrap();
    out.advance(out.bytes().len());
    let stale = "{\"return\": {}, \"id\": 0}\r\n";
    feed(&mut client, stale, &[Kept::Stray]);
    let granted = "{\"return\": {}, \"id\": 4503599627370503}\r\n";
    feed(&mut client, granted, &[Kept::Ready]);

    client.execute(&mut out, Request::new("stop"), 1).unwrap();
    let oob = Request::new("query-yank").out_of_band();
    client.execute(&mut out, oob, 2).unwrap();
    let raw = RawMessage::parse(r#"{"execute": "cont", "id": "mine"}"#).unwrap();
    let abandoned = client.execute_raw(&mut out, &raw, 3).unwrap();
    client.execute(&mut out, Request::new("x"), 4).unwrap();
    let full = client.execute(&mut out, Request::new("y"), 5).unwrap_err();
    assert_eq!((full.reason, full.token), (SendErrorKind::TooManyInFlight { limit: 4 }, 5));
    assert_eq!(
        out.bytes(),
        concat!(
            r#"{"execute":"stop","id":0}{"exec-oob":"query-yank","id":1}"#,
            r#"{"execute": "cont","id":2}{"execute":"x","id":3}"#
        )
        .as_bytes()
    );
    out.advance(10);
    out.advance(usize::MAX);
    assert_eq!(client.abandon(abandoned), Some(3));

    let answers = concat!(
        "{\"return\": [], \"id\": 1}\r\n",
        "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"STOP\"}\r\n",
        "noise\r\n",
        "{\"return\": {}, \"id\": 0}\r\n{\"return\": {}, \"id\": 2}\r\n",
        "{\"id\": 3, \"error\": {\"class\": \"GenericError\", \"desc\": \"\\\"no\\\"\"}}\r\n",
    );
    let expected = [Kept::Done(2), Kept::Event, Kept::Malformed, Kept::Done(1), Kept::Failed(4)];
    feed(&mut client, answers, &expected);
    assert_eq!(client.in_flight(), 0);

    client.execute(&mut out, Request::new("quit"), 6).unwrap();
    assert_eq!(client.handle_end(), Ok(()));
    let mut lost = client.drain();
    let quit = lost.next().unwrap();
    assert_eq!((quit.token, quit.reason), (6, NoReplyReason::AsExpected));
    assert!(lost.next().is_none());
}

#[test]
fn a_whole_session_with_an_agent_needs_no_allocator() {
    let mut memory = [0; 1024];
    let mut out = FixedOutput::new(&mut memory);
    let mut input = Input::new();
    let mut client: Client<u8, 2> = Client::agent(Options::agent().longest_message(800));
    let mut feed = |client: &mut Client<u8, 2>, bytes: &[u8], expected: &[Kept]| {
        let (kept, count) = input.feed(client, bytes).unwrap();
        assert_eq!(&kept[..count], expected, "{}", bytes.escape_ascii());
    };

    client.sync(&mut out, 7).unwrap();
    out.advance(out.bytes().len());
    feed(&mut client, b"login: \n{\"return\": {}, \"id\": \"old\"}\n{\"return\": \"cut", &[]);
    let answer = b"\xFF{\"return\": 4503599627370503, \"id\": 4503599627370503}\n";
    feed(&mut client, answer, &[Kept::Ready]);

    client.execute(&mut out, Request::new("guest-ping"), 1).unwrap();
    let abandoned = client.execute(&mut out, Request::new("guest-info"), 2).unwrap();
    client.abandon(abandoned);
    assert!(client.execute(&mut out, Request::new("guest-ping"), 3).is_err());
    feed(&mut client, b"{\"return\": {}, \"id\": 0}\n", &[Kept::Done(1)]);
    feed(&mut client, b"{\"return\": {}, \"id\": 1}\n", &[]);
    out.advance(out.bytes().len());

    client.execute(&mut out, Request::new("guest-ping"), 4).unwrap();
    let lost = Kept::Lost(4, NoReplyReason::OutcomeUnknown);
    feed(&mut client, &[b'x'; 810], &[Kept::Desynchronised, lost]);
    assert_eq!(client.phase(), Phase::Unsynced);
    client.sync(&mut out, 7).unwrap();
    feed(&mut client, answer, &[Kept::Ready]);

    client.execute(&mut out, Request::new("guest-shutdown"), 5).unwrap();
    assert!(out.bytes().ends_with(b"{\"execute\":\"guest-shutdown\",\"id\":3}\n"));
    assert_eq!(client.handle_end(), Ok(()));
    let lost = client.drain().next().unwrap();
    assert_eq!((lost.token, lost.reason), (5, NoReplyReason::AsExpected));
}

#[test]
fn an_agent_has_less_than_4096_bytes_of_commands_unanswered_without_an_allocator_too() {
    let mut memory = [0; 16 * 1024];
    let mut out = FixedOutput::new(&mut memory);
    let mut client: Client<u8, 4> = Client::agent(Options::agent());
    client.sync(&mut out, 7).unwrap();
    let answer = b"\xFF{\"return\": 4503599627370503, \"id\": 4503599627370503}\n";
    assert!(matches!(client.handle_input(answer).unwrap().received, Some(Received::Ready)));
    out.advance(out.bytes().len());

    let text = ["{\"execute\": \"x\", \"arguments\": \"", &"A".repeat(3000), "\"}"].concat();
    let long = RawMessage::parse(&text).unwrap();
    client.execute_raw(&mut out, &long, 1).unwrap();
    let sent = out.bytes().len();
    let refused = client.execute_raw(&mut out, &long, 2).unwrap_err();
    assert_eq!(refused.reason, SendErrorKind::TooManyBytesInFlight { limit: 4096 });
    assert_eq!((out.bytes().len(), client.in_flight()), (sent, 1), "nothing is left of it");
    client.execute(&mut out, Request::new("guest-ping"), 3).unwrap();
    for id in [0, 1] {
        let answer = format!("{{\"return\": {{}}, \"id\": {id}}}\n");
        let step = client.handle_input(answer.as_bytes()).unwrap();
        assert!(matches!(step.received, Some(Received::Reply(_))));
    }
    client.execute_raw(&mut out, &long, 4).unwrap();
}
