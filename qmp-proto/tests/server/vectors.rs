//! Every recorded input through a server, in pieces of all lengths: the replies equal those of the
//! real servers, byte for byte.

use qmp_proto::server::{Options, Received, Server};
use qmp_proto::{Timestamp, server};
use serde::Deserialize;
use serde_json::Value;
use std::collections::VecDeque;

use crate::data::{chunkings, from_hexadecimal};
use crate::machine::{Done, Machine};

const STRAY_FF: &str = "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error, stray '\\uFFFD'\"}}\r\n";

const NOT_NEGOTIATED: &str = "{\"class\": \"CommandNotFound\", \"desc\": \"Expecting capabilities negotiation with 'qmp_capabilities'\"}";

/// The inputs for which the server replies differently on purpose.
const DEVIATIONS: &[(&str, &str, &str)] = &[
    ("s-id-plus", "stray '+'", PASSED_OVER),
    ("s-id-leading-zero", "stray '01'", PASSED_OVER),
    ("s-id-leading-dot", "stray '.'", PASSED_OVER),
    ("s-id-interp", "stray '%'", PASSED_OVER),
    ("s-str-raw-tab", "stray '\\\"a\\t'", PASSED_OVER),
    ("s-str-raw-newline", "stray '\\\"a\\n'", PASSED_OVER),
    ("s-nest-smuggle", "JSON nesting depth limit exceeded", SMUGGLED),
    ("s-ctrl-smuggle", "stray '\\\"a\\u0001'", SMUGGLED),
    ("s-id-huge-exp", "", "what QEMU echoes is no JSON"),
];
const PASSED_OVER: &str = "one error for one broken message; what is left of it is passed over";
const SMUGGLED: &str = "what stands inside a broken message is not run";

#[derive(Deserialize)]
struct Recorded {
    name: String,
    state: String,
    input_hex: String,
    reply_hex: String,
    #[serde(default)]
    chunks: Vec<usize>,
}

fn recorded() -> Vec<Recorded> {
    let text = include_str!("../data/vectors/server.json");
    let vectors: Vec<Recorded> = serde_json::from_str(text).unwrap();
    assert_eq!(vectors.len(), 117, "a vector was lost or added");
    vectors
}

/// Returns the reply instead of the recorded one.
fn instead(name: &str, text: &str) -> String {
    if name == "s-id-huge-exp" {
        return "{\"return\": {}, \"id\": 1e400}\r\n".into();
    }
    let parse = if text.starts_with("JSON") { "" } else { "JSON parse error, " };
    let error =
        format!("{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"{parse}{text}\"}}}}\r\n");
    // The 0xFF at the end is answered as always.
    if name.ends_with("smuggle") { error + STRAY_FF } else { error }
}

fn expected(vector: &Recorded) -> Vec<u8> {
    let real = from_hexadecimal(&vector.reply_hex);
    match DEVIATIONS.iter().find(|(name, ..)| *name == vector.name) {
        None => real,
        Some((name, text, reason)) => {
            let instead = instead(name, text).into_bytes();
            assert_ne!(instead, real, "{name} deviates no more: {reason}");
            instead
        }
    }
}

#[test]
fn the_replies_to_recorded_inputs_equal_those_of_real_servers() {
    let mut deviating = 0;
    for vector in recorded() {
        let expected = expected(&vector);
        deviating += usize::from(expected != from_hexadecimal(&vector.reply_hex));
        let input = from_hexadecimal(&vector.input_hex);
        for chunks in chunkings(&input, &vector.chunks) {
            check(&vector, &chunks, &expected);
        }
    }
    assert_eq!(deviating, DEVIATIONS.len(), "a deviation is listed that is none");
}

#[test]
fn a_command_after_the_input_is_answered_too() {
    for vector in recorded() {
        let (command, end) = match &vector.state[..] {
            "qga" => ("guest-ping", "\n"),
            _ => ("query-name", "\r\n"),
        };
        let trailer = format!("{{\"execute\":\"{command}\",\"id\":\"trailer\"}}");
        let input = [&from_hexadecimal(&vector.input_hex), trailer.as_bytes()].concat();
        // After a failed negotiation, a new one is necessary.
        let recorded = expected(&vector);
        let negotiated = vector.state != "negotiating"
            || String::from_utf8_lossy(&recorded).contains("\"return\": {}");
        let answer = if negotiated {
            format!("{{\"return\": {{}}, \"id\": \"trailer\"}}{end}")
        } else {
            format!("{{\"id\": \"trailer\", \"error\": {NOT_NEGOTIATED}}}{end}")
        };
        let expected = [&recorded, answer.as_bytes()].concat();
        for chunks in chunkings(&input, &vector.chunks) {
            check(&vector, &chunks, &expected);
        }
    }
}

fn check(vector: &Recorded, chunks: &[&[u8]], expected: &[u8]) {
    let out = answers(vector, chunks);
    assert_eq!(
        String::from_utf8_lossy(&out),
        String::from_utf8_lossy(expected),
        "{} in {} pieces",
        vector.name,
        chunks.len()
    );
    assert_eq!(out, expected, "{}", vector.name);
}

/// Returns a server in the state of a vector.
fn server(state: &str) -> Server {
    let mut server = match state {
        "qga" => return Server::agent(Options::agent()),
        _ => Server::monitor(Options::monitor()),
    };
    let mut out = Vec::new();
    server.greet(&mut out).unwrap();
    let negotiation: &[u8] = match state {
        "negotiating" => return server,
        "command" => b"{\"execute\":\"qmp_capabilities\"}",
        "command+oob" => b"{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}",
        other => panic!("{other}"),
    };
    let step = server.handle_input(&mut out, negotiation).unwrap();
    assert!(matches!(step.received, Some(Received::Negotiated { .. })));
    assert_eq!(step.used, negotiation.len());
    server
}

fn answers(vector: &Recorded, chunks: &[&[u8]]) -> Vec<u8> {
    let mut server = server(&vector.state);
    let times = times(&from_hexadecimal(&vector.reply_hex));
    let is_guest = vector.state == "qga";
    let mut machine = Machine { is_guest, times };
    let mut out = Vec::new();
    let mut input = Vec::new();
    for chunk in chunks {
        input.extend_from_slice(chunk);
        loop {
            let server::Step { used, received, .. } =
                server.handle_input(&mut out, &input).unwrap();
            match received {
                None => {
                    input.drain(..used);
                    break;
                }
                Some(Received::Command(command, ticket)) => {
                    let Done { event, response } = machine.run(&command);
                    if let Some((name, timestamp)) = event {
                        server.emit(&mut out, name, timestamp, None).unwrap();
                    }
                    server.answer(&mut out, ticket, &response).unwrap();
                }
                Some(_) => {}
            }
            input.drain(..used);
        }
        assert!(server.wants_input());
    }
    out
}

/// The timestamp of the recorded events.
fn times(reply: &[u8]) -> VecDeque<Timestamp> {
    String::from_utf8_lossy(reply)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| {
            let stamp = message.get("timestamp")?;
            let number = |name: &str| stamp[name].as_i64().unwrap();
            Some(Timestamp::new(number("seconds"), number("microseconds")))
        })
        .collect()
}
