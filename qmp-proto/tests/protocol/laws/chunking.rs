//! What is received does not depend on the pieces of the stream, and no stream makes a client
//! panic, stop progressing or exceed its limit.

use proptest::collection::vec;
use proptest::prelude::*;
use qmp_proto::{Client, Options, Phase, ProtocolError};

use super::config;
use crate::peer::{Observed, SEVEN, Wire, sync_answer};

const LONGEST: usize = 300;

/// A client and its actions before the stream.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Monitor,
    /// A client with commands in flight.
    Busy,
    Agent,
    Syncing,
    Synced,
}

impl Role {
    fn client(self) -> Client<u32, 8> {
        let limits = |options: Options| options.longest_message(LONGEST).deepest_message(12);
        let mut wire = Wire::default();
        match self {
            Self::Monitor => Client::monitor(limits(Options::monitor())),
            Self::Busy => {
                let mut client = Client::monitor(limits(Options::monitor()));
                for handshake in
                    ["{\"QMP\": {}}\n", &format!("{{\"return\": {{}}, \"id\": {SEVEN}}}\n")]
                {
                    let step = client.handle_input(handshake.as_bytes()).unwrap();
                    assert!(step.received.is_some());
                    if client.phase() == Phase::Greeted {
                        client.negotiate(&mut wire, 7, &[]).unwrap();
                    }
                }
                // The byte after the last message determines the framing.
                busy(client)
            }
            Self::Agent => Client::agent(limits(Options::agent())),
            Self::Syncing | Self::Synced => {
                let mut client = Client::agent(limits(Options::agent()));
                client.sync(&mut wire, 7).unwrap();
                if self == Self::Syncing {
                    return client;
                }
                let answer = sync_answer(SEVEN);
                assert_eq!(client.handle_input(&answer).unwrap().used, answer.len());
                busy(client)
            }
        }
    }
}

fn busy(mut client: Client<u32, 8>) -> Client<u32, 8> {
    for token in 0..3 {
        let request = qmp_proto::Request::new("stop");
        client.execute(&mut Wire::default(), request, token).unwrap();
    }
    client
}

/// Returns everything that a client receives from a stream in these pieces, including its end.
fn observed(
    role: Role,
    stream: &[u8],
    ends: &[usize],
) -> (Vec<Observed>, Result<(), ProtocolError>) {
    let mut client = role.client();
    let (mut observed, mut start, mut used) = (Vec::new(), 0, 0);
    for &end in ends.iter().chain([&stream.len()]) {
        let end = end.clamp(start, stream.len());
        // Unused bytes move to the start, as in a buffer.
        let mut steps = 2 * (end - start) + LONGEST + 20;
        loop {
            steps = steps.checked_sub(1).expect("no progress");
            let input = stream[used..end].to_vec();
            match client.handle_input(&input) {
                Ok(step) => {
                    assert!(step.used <= input.len());
                    used += step.used;
                    match step.received {
                        Some(received) => observed.push(Observed::new(received)),
                        None => break,
                    }
                }
                Err(error) => {
                    observed.push(Observed::Error(error));
                    assert_eq!(client.handle_input(&input).err(), Some(error), "sticky");
                    return (observed, client.handle_end());
                }
            }
        }
        start = end;
        assert!(end - used <= LONGEST + 1, "more is held than the limit");
    }
    let end = client.handle_end();
    observed.extend(client.drain().map(|it| Observed::Unanswered(it.token, it.reason)));
    assert_eq!(client.in_flight(), 0);
    (observed, end)
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(vec![Role::Monitor, Role::Busy, Role::Agent, Role::Syncing, Role::Synced])
}

/// A piece of a stream of a server or of another sender on its line.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let messages = prop::sample::select(vec![
        "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}",
        "{\"return\": {}, \"id\": 0}",
        "{\"return\": {}, \"id\": 1}",
        "{\"return\": {}, \"id\": 2}",
        "{\"return\": {\"a\": [\"}{\", 1.5]}, \"id\": 4503599627370503}",
        "{\"return\": 4503599627370503, \"id\": 4503599627370503}",
        "{\"id\": 1, \"error\": {\"class\": \"GenericError\", \"desc\": \"\\\"\\\\\"}}",
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}",
        "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"STOP\"}",
        "{\"event\":\"A\",\"data\":{\"x\":[[]]}}",
        "{\r\n    \"return\": {\r\n    },\r\n    \"id\": 0\r\n}",
        "{\r\n  \"event\": \"B\"\r\n}",
        "{\"return\": [[[[[[[[[[[[[[1]]]]]]]]]]]]]]}",
        "{\"foo\": 1}",
        "42",
        "\"text\"",
        "warning: something",
        "{\"return\": \"unterminated",
        "{\"return\": {\"a\": [",
        "{\"return\": ]}",
        "{\"return\": \"\u{1}\"}",
        "{\"return\": {}, \"id\": inf}",
        "}",
        "\u{FEFF}",
    ]);
    let ends = prop::sample::select(vec![
        &b"\r\n"[..],
        b"\n",
        b"",
        b" ",
        b"\r",
        b"\n\n",
        b"\r\n  \t",
        b"\xFF",
        b"\n\xFF",
        b"\x0C\n",
    ]);
    let damage = proptest::option::weighted(0.15, (any::<prop::sample::Index>(), any::<u8>()));
    prop_oneof![
        8 => (messages, ends, damage).prop_map(|(message, end, damage)| {
            let mut bytes = [message.as_bytes(), end].concat();
            if let Some((at, byte)) = damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        }),
        1 => vec(prop::sample::select(b"{}[]\",:\\\n\r \xFF0a".to_vec()), 0..12),
        1 => vec(any::<u8>(), 0..20),
        1 => (250_usize..350, prop::sample::select(b"a[ {\"".to_vec()))
            .prop_map(|(length, byte)| std::vec![byte; length]),
        1 => (270_usize..310).prop_map(|length| {
            format!("{{\"return\": \"{}\", \"id\": 0}}\r\n", "a".repeat(length - 26)).into_bytes()
        }),
    ]
}

/// A valid stream in one format.
fn valid_stream() -> impl Strategy<Value = Vec<u8>> {
    let messages = vec(
        prop::sample::select(vec![
            "{\"return\": {}, \"id\": 0}",
            "{\"return\": {\"a\": [\"}{\", 1.5]}, \"id\": 9}",
            "{\"id\": 1, \"error\": {\"class\": \"GenericError\", \"desc\": \"\\\"\\\\\"}}",
            "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"STOP\"}",
            "{\r\n    \"return\": {\r\n    },\r\n    \"id\": 0\r\n}",
        ]),
        1..10,
    );
    (messages, prop::sample::select(vec!["\r\n", "\n", "", "  ", "\r"])).prop_map(
        |(messages, end)| {
            messages.iter().flat_map(|message| [message, end].concat().into_bytes()).collect()
        },
    )
}

fn ends(length: usize) -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        2 => vec(0..=length, 0..12).prop_map(|mut ends| {
            ends.sort_unstable();
            ends
        }),
        1 => Just((1..length).collect()),
    ]
}

fn cut(stream: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    stream.prop_flat_map(|stream| {
        let ends = ends(stream.len());
        (Just(stream), ends)
    })
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn a_stream_is_received_equally_in_any_pieces(
        role in role(),
        (stream, ends) in cut(vec(piece(), 0..12).prop_map(|it| it.concat())),
    ) {
        prop_assert_eq!(observed(role, &stream, &ends), observed(role, &stream, &[]));
    }

    #[test]
    fn random_bytes_are_received_equally_in_any_pieces(
        role in role(),
        (stream, ends) in cut(vec(any::<u8>(), 0..400)),
    ) {
        prop_assert_eq!(observed(role, &stream, &ends), observed(role, &stream, &[]));
    }

    #[test]
    fn every_message_of_a_valid_stream_is_received(
        (stream, ends) in cut(valid_stream()),
    ) {
        let found = serde_json::Deserializer::from_slice(&stream)
            .into_iter::<serde_json::Value>()
            .map(Result::unwrap)
            .count();
        let (observed, end) = observed(Role::Monitor, &stream, &ends);
        prop_assert_eq!(observed.len(), found, "{:?}", observed);
        let expected = |observed: &Observed| {
            matches!(observed, Observed::Stray(_) | Observed::Event(_) | Observed::ErrorBeforeGreeting(_))
        };
        prop_assert!(observed.iter().all(expected), "{:?}", observed);
        prop_assert_eq!(end, Err(ProtocolError::EndInHandshake { phase: Phase::Greeting }));
    }
}
