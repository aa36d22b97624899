//! Changes of the framing within a stream.

use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use crate::message::Message;
use crate::wire::{Bounds, Decoder, Found};

const BOUNDS: Bounds = Bounds { length: 90, depth: 8 };

/// Decodes a stream in pieces of all lengths, which must give the same: ids of replies, and errors.
fn found(decoder: &Decoder, stream: &str) -> Vec<String> {
    let stream = stream.replace('\u{FF}', "?").into_bytes();
    let stream: Vec<_> =
        stream.into_iter().map(|byte| if byte == b'?' { 0xFF } else { byte }).collect();
    let whole = decode(decoder.clone(), &[&stream]);
    for at in 1..stream.len() {
        let halves = [&stream[..at], &stream[at..]];
        assert_eq!(decode(decoder.clone(), &halves), whole, "cut at {at}");
    }
    let bytes: Vec<_> = stream.chunks(1).collect();
    assert_eq!(decode(decoder.clone(), &bytes), whole, "byte by byte");
    whole
}

fn decode(mut decoder: Decoder, chunks: &[&[u8]]) -> Vec<String> {
    let (mut found, mut input) = (Vec::new(), Vec::new());
    for chunk in chunks {
        input.extend_from_slice(chunk);
        loop {
            let decoded = decoder.decode(&input);
            let name = decoded.found.map(|it| match it {
                Found::Message(Message::Reply(reply)) => {
                    let id = reply.id_bytes().unwrap_or(b"none");
                    String::from_utf8_lossy(id).into_owned()
                }
                Found::Message(_) => "message".into(),
                Found::Malformed(it) => format!("malformed {}", it.bytes.escape_ascii()),
                other => format!("{other:?}"),
            });
            let used = decoded.used;
            input.drain(..used);
            match name {
                Some(name) => found.push(name),
                None => break,
            }
        }
    }
    found
}

fn monitor(stream: &str) -> Vec<String> {
    found(&Decoder::monitor(BOUNDS), stream)
}

fn agent(stream: &str) -> Vec<String> {
    found(&Decoder::agent(BOUNDS), stream)
}

fn reply(id: u8) -> String {
    format!("{{\"return\": {{}}, \"id\": {id}}}")
}

#[test]
fn lines_may_contain_several_messages_or_a_part_of_one() {
    let stream = format!(
        "{}\r\n{}{} {}\r\n{}\n{{\r\n\"return\": 1,\r\n\"id\": 6}}\r\n{}\r\n",
        reply(1),
        reply(2),
        "{\"return\":[],\"id\":3}",
        "{\"id\":4,\"return\":0}",
        reply(5),
        reply(7)
    );
    assert_eq!(monitor(&stream), ["1", "2", "3", "4", "5", "6", "7"]);
    let fast = format!("{}\n{}{}\n{}\n", reply(1), reply(2), reply(3), reply(4));
    assert_eq!(monitor(&fast), ["1", "2", "3", "4"]);
}

#[test]
fn messages_need_no_line_ends() {
    let stream = [reply(1), reply(2), reply(3)].concat();
    assert_eq!(monitor(&stream), ["1", "2", "3"]);
    let spread = reply(1).replace(' ', "\r\n");
    assert_eq!(monitor(&[&spread[..], &spread, &reply(2)].concat()), ["1", "1", "2"]);
}

#[test]
fn a_line_that_is_too_long_is_one_error_and_the_next_is_decoded() {
    let long = "x".repeat(100);
    for ends in ["\r\n", "\n"] {
        let stream = [&reply(1), ends, &long, ends, &reply(2), ends].concat();
        assert_eq!(monitor(&stream), ["1", "TooLong", "2"]);
        assert_eq!(agent(&stream), ["1", "TooLong", "2"]);
    }
    let stream = [&reply(1), "\n", &long, "\u{FF}", &reply(2), "\n"].concat();
    assert_eq!(agent(&stream), ["1", "TooLong", "Sentinel", "2"]);
}

#[test]
fn the_limit_is_the_length_of_the_line_without_its_end() {
    let exactly = format!("{{\"return\": \"{}\", \"id\": 1}}", "a".repeat(BOUNDS.length - 23));
    assert_eq!(exactly.len(), BOUNDS.length);
    let stream = [&reply(0), "\n", &exactly, "\n", &reply(2), "\n"].concat();
    assert_eq!(monitor(&stream), ["0", "1", "2"]);
    assert_eq!(agent(&stream), ["0", "1", "2"]);
    let more = exactly.replace("\"a", "\"aa");
    let stream = [&reply(0), "\n", &more, "\n", &reply(2), "\n"].concat();
    assert_eq!(monitor(&stream), ["0", "TooLong", "2"]);
    assert_eq!(agent(&stream), ["0", "TooLong", "2"]);
}

#[test]
fn noise_of_any_length_is_reported_once_per_line() {
    let bounds = Bounds { length: 1000, depth: 8 };
    for length in [1, 255, 256, 257, 900] {
        let noise = "n".repeat(length);
        let stream = [&noise, "\n", &reply(1), "\n", &noise, "\r\n", &reply(2), "\n"].concat();
        let shown = format!("malformed {}", &noise[..length.min(256)]);
        let expected = vec![shown.clone(), "1".into(), shown, "2".into()];
        assert_eq!(found(&Decoder::monitor(bounds), &stream), expected);
        assert_eq!(found(&Decoder::agent(bounds), &stream), expected);
    }
}

/// If a value can start at the end of the line, the next message is mistaken for it.
#[test]
fn a_line_that_is_cut_off_is_one_error_unless_a_value_can_follow() {
    let whole = "{\"return\": [1, {\"x\": \"y\"}], \"id\": 0}";
    let mut swallowed = Vec::new();
    for end in 1..whole.len() {
        let cut = &whole[..end];
        for line_end in ["\n", "\r\n", "\n \n"] {
            let stream = [&reply(1), line_end, cut, line_end, &reply(2), line_end].concat();
            let found = monitor(&stream);
            assert_eq!(agent(&stream), found, "{cut}");
            match &found[..] {
                [first, cut_off, second] => {
                    assert_eq!([first, second], ["1", "2"]);
                    assert!(cut_off.starts_with("malformed {"), "{cut}: {cut_off}");
                }
                _ => {
                    assert_eq!(found, ["1"]);
                    swallowed.push(cut.trim_end());
                }
            }
        }
    }
    swallowed.dedup();
    let a_value_can_follow = [
        "{\"return\":",
        "{\"return\": [",
        "{\"return\": [1,",
        "{\"return\": [1, {\"x\":",
        "{\"return\": [1, {\"x\": \"y\"}], \"id\":",
    ];
    assert_eq!(swallowed, a_value_can_follow);
}

#[test]
fn a_sentinel_discards_only_an_incomplete_message() {
    let half = "{\"return\": {\"a\":";
    for before in ["", half, "{", "{\n", "{\n  \"return\": [\n", "\n{\"return\": \"a", "noise\n"] {
        let noise: &[String] = if before == "noise\n" { &["malformed noise".into()] } else { &[] };
        let stream = [before, "\u{FF}", &reply(2), "\n"].concat();
        let expected = [noise, &["Sentinel".into(), "2".into()]].concat();
        assert_eq!(agent(&stream), expected, "{before:?}");
    }
    for end in ["", "\n", " ", "\r\n\n"] {
        let stream = [&reply(1), end, "\u{FF}", &reply(2), end, "\u{FF}\u{FF}", &reply(3)].concat();
        assert_eq!(agent(&stream), ["1", "Sentinel", "2", "Sentinel", "Sentinel", "3"]);
    }
}

#[test]
fn a_line_over_the_limit_may_contain_several_messages_within_it() {
    let five: String = (1..=5).map(reply).collect();
    assert!(five.len() > BOUNDS.length);
    let stream = [&reply(0), "\n", &five, "\n", &reply(6), "\n"].concat();
    assert_eq!(monitor(&stream), ["0", "1", "2", "3", "4", "5", "6"]);
    assert_eq!(agent(&stream), ["0", "1", "2", "3", "4", "5", "6"]);
    let long = reply(7).replace("{}", &format!("\"{}\"", "a".repeat(100)));
    let stream = [&reply(0), "\n", &five, &long, "\n", &reply(6), "\n"].concat();
    assert_eq!(monitor(&stream), ["0", "1", "2", "3", "4", "5", "TooLong", "6"]);
}

#[test]
fn an_invalid_object_does_not_affect_the_next_one_on_its_line() {
    for broken in ["{\"return\": nope, \"id\": 1}", "{\"id\": 1, \"return\": [1 2]}"] {
        for end in ["", " ", "\n"] {
            let stream = [&reply(0), "\n", broken, end, &reply(2), "\n"].concat();
            assert_eq!(monitor(&stream), ["0", "1", "2"], "its value is read later");
            assert_eq!(agent(&stream), ["0", "1", "2"]);
        }
    }
    for broken in
        ["{\"foo\": 1}", "{\"id\": nope, \"return\": {}}", "{\"return\": 0, \"return\": 1}"]
    {
        let stream = [&reply(0), "\n", broken, &reply(2), "\n"].concat();
        let shown = format!("malformed {}", broken.escape_default());
        assert_eq!(monitor(&stream), ["0", &shown, "2"]);
        assert_eq!(agent(&stream), ["0", &shown, "2"]);
    }
}
