//! The fast route, the full route and serde_json agree on valid messages. In an invalid one, the
//! fast route may find an id, but its value cannot be read.

use proptest::prelude::*;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString};

use super::messages::{damaged, in_any_format, in_qemus_format};
use crate::json::{JsonErrorKind, MAX_DEPTH};
use crate::message::{Body, Message};
use crate::wire::{Unsplit, route, split};

/// `PROPTEST_CASES` overrides the number of cases.
fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let overridden = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig {
        cases: if overridden { default.cases } else { cases },
        failure_persistence: None,
        ..default
    }
}

/// The parts of a message on which all three have to agree.
#[derive(Debug, PartialEq)]
struct Parts {
    kind: &'static str,
    id: Option<String>,
    /// The class of an error, the name of an event.
    name: Option<String>,
    description: Option<String>,
    timestamp: Option<(i64, i64)>,
    body: Option<Result<String, JsonErrorKind>>,
}

impl Parts {
    fn of(message: &Message<'_>) -> Self {
        let text = |bytes| core::str::from_utf8(bytes).unwrap().to_string();
        let read = |body: Body<'_>| {
            body.json().map(|json| json.as_str().to_string()).map_err(|error| error.kind())
        };
        let mut parts = Self {
            kind: "",
            id: None,
            name: None,
            description: None,
            timestamp: None,
            body: message.body().map(read),
        };
        match message {
            Message::Greeting(_) => parts.kind = "greeting",
            Message::Reply(reply) => {
                parts.kind = "return";
                parts.id = reply.id_bytes().map(text);
            }
            Message::Failure(failure) => {
                parts.kind = "error";
                parts.id = failure.id_bytes().map(text);
                parts.name = Some(failure.class().name().into());
                parts.description = Some(failure.description().to_string());
            }
            Message::Event(event) => {
                parts.kind = "event";
                parts.name = Some(event.name().into());
                let stamp = event.timestamp();
                parts.timestamp = stamp.map(|it| (it.seconds, it.microseconds));
            }
        }
        parts
    }

    /// Reads the parts of a valid message with serde_json.
    fn by_serde(text: &str) -> Self {
        let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).unwrap();
        let raw = |name: &str| members.get(name).map(|value| value.get().to_string());
        let kind = ["QMP", "return", "error", "event"]
            .into_iter()
            .find(|kind| members.contains_key(*kind))
            .unwrap();
        let mut parts = Self {
            kind,
            id: if kind == "event" { None } else { raw("id") },
            name: None,
            description: None,
            timestamp: None,
            body: raw(if kind == "event" { "data" } else { "return" }).map(Ok),
        };
        if kind == "error" {
            let error: BTreeMap<String, &RawValue> =
                serde_json::from_str(members["error"].get()).unwrap();
            let read = |name: &str| serde_json::from_str(error.get(name)?.get()).unwrap();
            (parts.name, parts.description) = (read("class"), read("desc"));
        }
        if kind == "event" {
            parts.name = Some(members["event"].get().trim_matches('"').into());
            parts.timestamp = members.get("timestamp").and_then(|stamp| {
                let stamp: BTreeMap<&str, &RawValue> = serde_json::from_str(stamp.get()).unwrap();
                Some((
                    stamp["seconds"].get().parse().ok()?,
                    stamp["microseconds"].get().parse().ok()?,
                ))
            });
        }
        parts
    }
}

fn agree(text: &str) -> Result<bool, TestCaseError> {
    let full = split(text.as_bytes(), MAX_DEPTH);
    let full = full.map_err(|unsplit| TestCaseError::fail(format!("{text}: {unsplit:?}")))?;
    let full = Parts::of(&full);
    prop_assert_eq!(&full, &Parts::by_serde(text), "{}", text);
    let fast = route(text.as_bytes());
    if let Some(fast) = &fast {
        prop_assert_eq!(&Parts::of(fast), &full, "{}", text);
    }
    Ok(fast.is_some())
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn all_agree_on_messages_in_qemus_format(text in in_qemus_format()) {
        agree(&text)?;
    }

    #[test]
    fn all_agree_on_messages_in_any_format(text in in_any_format()) {
        agree(&text)?;
    }

    #[test]
    fn damaged_messages_are_never_misread(line in damaged()) {
        let full = split(&line, MAX_DEPTH);
        let Some(fast) = route(&line) else { return Ok(()) };
        if let Message::Reply(reply) = &fast {
            let id = core::str::from_utf8(reply.id_bytes().unwrap()).unwrap();
            let member = format!("\"id\": {id}");
            prop_assert!(line.windows(member.len()).any(|it| it == member.as_bytes()));
        }
        match full {
            Ok(full) => prop_assert_eq!(Parts::of(&fast), Parts::of(&full)),
            Err(unsplit) => {
                let body = fast.body().map(|body| body.json());
                prop_assert!(matches!(body, Some(Err(_))), "{:?} but {:?}", unsplit, body);
            }
        }
    }

    #[test]
    fn a_line_is_json_to_the_full_route_when_it_is_to_serde_json(line in damaged()) {
        let ours = match split(&line, MAX_DEPTH) {
            // The body is checked when it is read.
            Ok(message) => message.body().is_none_or(|body| body.json().is_ok()),
            Err(Unsplit::Unknown) => true,
            Err(Unsplit::Json(error)) if error.kind() == JsonErrorKind::DuplicateMember => return Ok(()),
            Err(Unsplit::Json(_)) => false,
        };
        let theirs = match serde_json::from_slice::<serde_json::Value>(&line) {
            Ok(value) => value.is_object(),
            Err(error) if error.to_string().contains("out of range") => return Ok(()),
            Err(_) => false,
        };
        prop_assert_eq!(ours, theirs, "{}", line.escape_ascii());
    }
}

#[test]
fn the_fast_route_decodes_qemus_messages() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut taken = 0;
    for _ in 0..500 {
        let text = in_qemus_format().new_tree(&mut runner).unwrap().current();
        taken += usize::from(agree(&text).unwrap());
    }
    assert!(taken > 150, "the laws above compared little: {taken} of 500");
}

#[test]
fn blanks_around_a_body_do_not_belong_to_it() {
    for line in [
        r#"{"return":  {}, "id": 1}"#,
        r#"{"return": {} , "id": 1}"#,
        r#"{"return":  {} , "id": 1}"#,
        r#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "E", "data":  {} }"#,
        r#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "E", "data": {} }"#,
    ] {
        agree(line).unwrap();
    }
}

#[test]
fn a_level_too_many_is_an_error_on_both_routes() {
    for (levels, taken) in [(MAX_DEPTH - 1, true), (MAX_DEPTH, false)] {
        let deep = super::data::nested_arrays(levels);
        let reply = format!("{{\"return\": {deep}, \"id\": 1}}");
        let event = format!(
            "{{\"timestamp\": {{\"seconds\": 1, \"microseconds\": 2}}, \"event\": \"E\", \"data\": {deep}}}"
        );
        for line in [reply, event] {
            assert_eq!(split(line.as_bytes(), MAX_DEPTH).is_ok(), taken);
            let routed = route(line.as_bytes()).unwrap();
            assert_eq!(routed.body().unwrap().json().is_ok(), taken);
        }
    }
}

#[test]
fn a_form_feed_is_not_a_blank() {
    assert!(split(b"\x0C{\"return\": {}}", MAX_DEPTH).is_err());
    assert!(split(b"{\"return\": {}}\x0C", MAX_DEPTH).is_err());
    assert!(split(b" {\"return\": {}}\t\r\n", MAX_DEPTH).is_ok());
}

impl<'b> Message<'b> {
    /// Returns the body of a reply or an event.
    fn body(&self) -> Option<Body<'b>> {
        match self {
            Self::Reply(reply) => Some(reply.body),
            Self::Event(event) => event.data,
            Self::Greeting(_) | Self::Failure(_) => None,
        }
    }
}
