//! Every vector through a client, in pieces of all lengths.

use qmp_proto::{Client, JsonErrorKind, MalformedReason, Options, ProtocolError, Received};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::data::{Protocol, Vector, client_vectors, same, trailer_item, value};
use crate::peer::{SEVEN, sync_answer};

/// The vectors for which a client has another result on purpose.
const DEVIATIONS: &[(&str, &str, &str)] = &[
    (
        "c-top-level-scalar",
        r#"[{"protocol_error": "garbage"}, {"return": {}}]"#,
        "what is no object is not looked at more closely",
    ),
    (
        "c-duplicate-key",
        r#"[{"return": {"a": 2}, "id": 1}, {"return": {}}]"#,
        "members twice inside a body are left to who decodes it",
    ),
    (
        "c-ambiguous-return-and-error",
        r#"[{"protocol_error": "unknown-message"}, {"return": {}}]"#,
        "a message of two kinds is reported as one of an unknown kind",
    ),
    (
        "c-deep-limit",
        r#"[{"protocol_error": "too-deep"}]"#,
        "a monitor that passes a limit is not listened to any more",
    ),
    (
        "c-long-limit",
        r#"[{"protocol_error": "too-long"}]"#,
        "a monitor that passes a limit is not listened to any more",
    ),
];

#[test]
fn every_vector_is_received_whole_and_in_pieces() {
    for vector in client_vectors() {
        for chunks in vector.chunkings() {
            check(&vector, &observe(&vector, client(&vector), &chunks));
        }
    }
}

#[test]
fn a_message_after_a_vector_is_received_too() {
    let mut followed = 0;
    for mut vector in client_vectors() {
        let ended = matches!(&vector.name[..], "c-deep-limit" | "c-long-limit");
        let Some(trailer) = vector.trailer().filter(|_| !ended) else {
            continue;
        };
        followed += 1;
        vector.input.extend_from_slice(trailer);
        for chunks in vector.chunkings() {
            let mut observed = observe(&vector, client(&vector), &chunks);
            let last = observed.len() - if vector.ends { 2 } else { 1 };
            assert_eq!(observed.remove(last), trailer_item(), "{}", vector.name);
            check(&vector, &observed);
        }
    }
    assert_eq!(followed, 71, "all but those without a line end, or over a limit");
}

/// The vectors with a sync reply, for a client that waits for its sync.
#[test]
fn a_vector_with_a_sync_reply_completes_a_sync() {
    let mut tried = 0;
    for mut vector in client_vectors() {
        let Some(sentinel) = vector.input.iter().rposition(|&byte| byte == 0xFF) else {
            continue;
        };
        if vector.protocol != Protocol::Qga {
            continue;
        }
        tried += 1;
        vector.input.truncate(sentinel);
        vector.input.extend(sync_answer(SEVEN));
        for chunks in vector.chunkings() {
            let mut client = Client::agent(Options::agent());
            client.sync(&mut crate::peer::Wire::default(), 7).unwrap();
            let observed = observe(&vector, client, &chunks);
            assert_eq!(observed, [json!("ready")], "{}", vector.name);
        }
    }
    assert_eq!(tried, 7);
}

fn check(vector: &Vector, observed: &[Value]) {
    let mut expect = vector.expect.clone();
    // A sentinel is not reported: it identifies the sync reply.
    expect.retain(|item| item.get("sentinel").is_none());
    let expected = same(observed, &expect);
    match DEVIATIONS.iter().find(|(name, ..)| *name == vector.name) {
        None => assert!(expected, "{}: {observed:?}, not {expect:?}", vector.name),
        Some((name, instead, reason)) => {
            assert!(!expected, "{name} deviates no more: {reason}");
            let instead: Vec<Value> = serde_json::from_str(instead).unwrap();
            assert_eq!(observed, instead, "{name}");
        }
    }
}

/// A client for which no message of the vector is a reply.
fn client(vector: &Vector) -> Client<u32> {
    let limits = |options: Options| {
        options.longest_message(vector.limits.max_message).deepest_message(vector.limits.max_depth)
    };
    let greets = vector.expect[0].get("greeting").is_some();
    match vector.protocol {
        Protocol::Qmp if greets => Client::monitor(limits(Options::monitor())),
        Protocol::Qmp => Client::negotiated(limits(Options::monitor()), 7),
        Protocol::Qga => {
            let mut client = Client::agent(limits(Options::agent()));
            client.sync(&mut crate::peer::Wire::default(), 7).unwrap();
            let answer = sync_answer(SEVEN);
            let step = client.handle_input(&answer).unwrap();
            assert!(matches!(step.received, Some(Received::Ready)));
            client
        }
    }
}

/// Returns what the client receives, in the format of the vectors.
fn observe(vector: &Vector, mut client: Client<u32>, chunks: &[&[u8]]) -> Vec<Value> {
    let mut observed = Vec::new();
    let mut input = Vec::new();
    for chunk in chunks {
        input.extend_from_slice(chunk);
        loop {
            match client.handle_input(&input) {
                Ok(step) => {
                    let used = step.used;
                    let received = step.received.map(|received| item(&received));
                    input.drain(..used);
                    match received {
                        Some(received) => observed.push(received),
                        None => break,
                    }
                }
                Err(error) => {
                    observed.push(error_item(error));
                    return observed;
                }
            }
        }
    }
    if vector.ends {
        if let Err(error) = client.handle_end() {
            observed.push(error_item(error));
        }
        observed.push(json!({"eof": true}));
    }
    observed
}

fn error_item(error: ProtocolError) -> Value {
    let error = match error {
        ProtocolError::MessageTooLong { .. } => "too-long",
        ProtocolError::TooDeep { .. } => "too-deep",
        ProtocolError::EndInsideMessage => "eof-mid-message",
        other => panic!("{other}"),
    };
    json!({"protocol_error": error})
}

fn item(received: &Received<'_, u32>) -> Value {
    match received {
        Received::Greeting(greeting) => {
            let whole: Value = serde_json::from_slice(greeting.message()).unwrap();
            json!({"greeting": whole["QMP"]})
        }
        Received::Ready => json!("ready"),
        Received::Stray(message) => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_slice(message).unwrap();
            let known = members.into_iter().filter(|(name, _)| !name.starts_with("__"));
            known.map(|(name, raw)| (name, value(raw.get()))).collect()
        }
        Received::Event(event) => {
            let stamp = event.timestamp().unwrap();
            let stamp = json!({"seconds": stamp.seconds, "microseconds": stamp.microseconds});
            let mut item = json!({"event": event.name(), "timestamp": stamp});
            if let Some(data) = event.data().unwrap() {
                item["data"] = value(data.as_str());
            }
            item
        }
        Received::Malformed(malformed) => {
            let reason = match malformed.reason {
                MalformedReason::Garbage => "garbage",
                MalformedReason::Json(error) if error.kind() == JsonErrorKind::Utf8 => {
                    "invalid-utf8"
                }
                MalformedReason::Json(_) => "invalid-json",
                _ => "unknown-message",
            };
            json!({"protocol_error": reason})
        }
        other => panic!("{other:?}"),
    }
}
