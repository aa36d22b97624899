//! Every vector through the decoder, in pieces of all lengths.

use serde_json::{Value, json};
use std::vec::Vec;

use super::data::{Protocol, Vector, client_vectors, same, trailer_item, value};
use crate::json::JsonErrorKind;
use crate::message::Message;
use crate::wire::{Bounds, Decoder, Found, MalformedReason};

/// The vectors for which the decoder has another result on purpose.
const DEVIATIONS: &[(&str, &str, &str)] = &[
    (
        "c-top-level-scalar",
        r#"[{"protocol_error": "garbage"}, {"return": {}}]"#,
        "bytes outside of objects are not examined further",
    ),
    (
        "c-duplicate-key",
        r#"[{"return": {"a": 2}, "id": 1}, {"return": {}}]"#,
        "duplicate members inside a body are left to decoding",
    ),
    (
        "c-ambiguous-return-and-error",
        r#"[{"protocol_error": "unknown-message"}, {"return": {}}]"#,
        "a message of two kinds is reported as one of an unknown kind",
    ),
];

#[test]
fn every_vector_is_decoded_whole_and_in_pieces() {
    for vector in client_vectors() {
        for chunks in vector.chunkings() {
            let observed = observe(&vector, &chunks);
            check(&vector, &observed, chunks.len());
        }
    }
}

#[test]
fn a_message_after_a_vector_is_decoded_too() {
    let mut followed = 0;
    for mut vector in client_vectors() {
        let Some(trailer) = vector.trailer() else {
            continue;
        };
        followed += 1;
        vector.input.extend_from_slice(trailer);
        for chunks in vector.chunkings() {
            let mut observed = observe(&vector, &chunks);
            let last = if vector.ends { observed.len() - 2 } else { observed.len() - 1 };
            assert_eq!(observed.remove(last), trailer_item(), "{}", vector.name);
            check(&vector, &observed, chunks.len());
        }
    }
    assert_eq!(followed, 73, "all but those without a line end");
}

fn check(vector: &Vector, observed: &[Value], pieces: usize) {
    let deviation = DEVIATIONS.iter().find(|(name, ..)| *name == vector.name);
    let expected = same(observed, &vector.expect);
    match deviation {
        None => assert!(
            expected,
            "{} in {pieces} pieces: {observed:?}, not {:?}",
            vector.name, vector.expect
        ),
        Some((name, instead, reason)) => {
            assert!(!expected, "{name} deviates no more: {reason}");
            let instead: Vec<Value> = serde_json::from_str(instead).unwrap();
            assert_eq!(observed, instead, "{name} in {pieces} pieces");
        }
    }
}

/// Returns what the decoder finds, in the format of the vectors.
fn observe(vector: &Vector, chunks: &[&[u8]]) -> Vec<Value> {
    let bounds = Bounds { length: vector.limits.max_message, depth: vector.limits.max_depth };
    let mut decoder = match vector.protocol {
        Protocol::Qmp => Decoder::monitor(bounds),
        Protocol::Qga => Decoder::agent(bounds),
    };
    let mut observed = Vec::new();
    let mut input = Vec::new();
    for chunk in chunks {
        input.extend_from_slice(chunk);
        loop {
            let decoded = decoder.decode(&input);
            let found = decoded.found.map(|found| item(&found));
            let used = decoded.used;
            input.drain(..used);
            match found {
                Some(found) => observed.push(found),
                None => break,
            }
        }
    }
    if vector.ends {
        if decoder.inside_message() {
            observed.push(json!({"protocol_error": "eof-mid-message"}));
        }
        observed.push(json!({"eof": true}));
    }
    observed
}

fn item(found: &Found<'_>) -> Value {
    let error = match found {
        Found::Message(message) => return message_item(message),
        Found::Sentinel => return json!({"sentinel": true}),
        Found::Malformed(malformed) => match malformed.reason {
            MalformedReason::Garbage => "garbage",
            MalformedReason::UnknownMessage => "unknown-message",
            MalformedReason::Json(error) if error.kind() == JsonErrorKind::Utf8 => "invalid-utf8",
            MalformedReason::Json(_) => "invalid-json",
        },
        Found::TooLong => "too-long",
        Found::TooDeep => "too-deep",
        Found::FramingLost => "framing-lost",
    };
    json!({"protocol_error": error})
}

fn message_item(message: &Message<'_>) -> Value {
    let text = |bytes| core::str::from_utf8(bytes).unwrap();
    let mut item = json!({});
    match message {
        Message::Greeting(greeting) => {
            let whole: Value = serde_json::from_slice(greeting.message()).unwrap();
            item["greeting"] = whole["QMP"].clone();
            let version = &item["greeting"]["version"]["qemu"];
            let read = greeting
                .version()
                .map(|it| json!({"major": it.major, "minor": it.minor, "micro": it.micro}));
            assert_eq!(read.unwrap_or_default(), *version);
            let offered = &item["greeting"]["capabilities"];
            assert_eq!(greeting.offers("oob"), *offered == json!(["oob"]));
        }
        Message::Reply(reply) => {
            match reply.json() {
                Ok(body) => item["return"] = value(body.as_str()),
                Err(error) => item["unreadable"] = std::format!("{:?}", error.kind()).into(),
            }
            if let Some(id) = reply.id_bytes() {
                item["id"] = value(text(id));
            }
        }
        Message::Failure(failure) => {
            let whole: Value = serde_json::from_slice(failure.message()).unwrap();
            item["error"] = whole["error"].clone();
            assert_eq!(failure.class().name(), item["error"]["class"]);
            assert_eq!(failure.description(), item["error"]["desc"].as_str().unwrap());
            if let Some(id) = failure.id_bytes() {
                item["id"] = value(text(id));
            }
        }
        Message::Event(event) => {
            item["event"] = event.name().into();
            if let Some(data) = event.data().unwrap() {
                item["data"] = value(data.as_str());
            }
            if let Some(stamp) = event.timestamp() {
                item["timestamp"] =
                    json!({"seconds": stamp.seconds, "microseconds": stamp.microseconds});
            }
        }
    }
    item
}
