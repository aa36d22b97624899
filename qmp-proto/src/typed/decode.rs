//! Decoding replies and events.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::Utf8Error;

use serde::Deserialize;

use crate::Escaped;
use crate::json::{JsonErrorKind, depth_of};
use crate::message::{Body, BodyError, OwnedReply, RawJson, Reply};
use crate::redact::{Secrets, redact_part};
use crate::typed::path::path_at;

/// The maximum depth of a value that `decode` accepts. Deserializing recurses, and a derived enum
/// in a debug build takes about 8 KiB of stack per level. Valid replies have up to 145 levels.
pub const DECODE_DEPTH: usize = 200;

/// The depth up to which serde_json's own limit does not apply.
const PLAIN_DEPTH: usize = 127;

/// The length of the text that is shown around the position of an error.
const SHOWN: usize = 40;

/// A received value does not have the expected type: the value of a reply, the data of an event,
/// or, in a server, the arguments of a command.
///
/// The error contains the path of the member with the unexpected value, and the text around it with
/// secrets masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    reason: String,
    at: usize,
    path: String,
    near: String,
}

impl DecodeError {
    /// Returns the offset in the value of the byte at which the error was found.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Returns the path of the member or element at which the error was found, such as
    /// `[0].inserted.file`: the innermost one that contains the byte [`at`](Self::at). The path of
    /// a missing member is that of its object. The path of the value itself is empty.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the error text of serde.
    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    fn new(reason: String, at: usize, text: &str) -> Self {
        let start = text.floor_boundary(at.saturating_sub(SHOWN / 2));
        let end = text.floor_boundary(at.saturating_add(SHOWN / 2));
        let reason = Secrets::of(text.as_bytes()).mask(&reason).into_owned();
        let path = path_at(text, at);
        Self { reason, at, path, near: redact_part(text, start..end) }
    }
}

impl From<BodyError> for DecodeError {
    fn from(error: BodyError) -> Self {
        Self {
            reason: error.kind().to_string(),
            at: error.offset(),
            path: String::new(),
            near: String::new(),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", Escaped(&self.reason), self.at)?;
        if !self.path.is_empty() {
            write!(f, ", in `{}`", Escaped(&self.path))?;
        }
        if self.near.is_empty() { Ok(()) } else { write!(f, ", near `{}`", Escaped(&self.near)) }
    }
}

impl core::error::Error for DecodeError {}

/// `str::floor_char_boundary`, which the oldest supported compiler lacks.
trait FloorBoundary {
    fn floor_boundary(&self, at: usize) -> usize;
}

impl FloorBoundary for str {
    fn floor_boundary(&self, at: usize) -> usize {
        let mut at = at.min(self.len());
        while !self.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

impl<'b> RawJson<'b> {
    /// Decodes the value, up to [`DECODE_DEPTH`] levels. The result may borrow from the text.
    ///
    /// # Errors
    ///
    /// If the value is not a `T`, or has more levels.
    pub fn decode<T: Deserialize<'b>>(self) -> Result<T, DecodeError> {
        decode_text(self.as_str())
    }
}

impl<'b> Reply<'b> {
    /// Decodes the value of `return`, up to [`DECODE_DEPTH`] levels. The result may borrow from the
    /// text.
    ///
    /// # Errors
    ///
    /// If the value is not a `T`, has more levels, or is not valid JSON.
    pub fn decode<T: Deserialize<'b>>(&self) -> Result<T, DecodeError> {
        decode_body(&self.body, self.body.text())
    }
}

impl OwnedReply {
    /// Decodes the value of `return`, up to [`DECODE_DEPTH`] levels. The result may borrow from the
    /// text.
    ///
    /// # Errors
    ///
    /// If the value is not a `T`, has more levels, or is not valid JSON.
    pub fn decode<'b, T: Deserialize<'b>>(&'b self) -> Result<T, DecodeError> {
        self.as_reply().decode()
    }
}

/// Decodes the data of an event without data, as `{}`.
pub(super) fn decode_nothing<'b, T: Deserialize<'b>>() -> Result<T, DecodeError> {
    decode_text("{}")
}

/// Decodes a body, and validates its text only if decoding fails.
pub(super) fn decode_body<'b, T: Deserialize<'b>>(
    body: &Body<'b>,
    text: Result<&'b str, Utf8Error>,
) -> Result<T, DecodeError> {
    if let Ok(text) = text {
        if let Ok(value) = serde_json::from_str(text) {
            return Ok(value);
        }
    }
    body.json_in(text)?.decode()
}

fn decode_text<'b, T: Deserialize<'b>>(text: &'b str) -> Result<T, DecodeError> {
    let depth = depth_of(text.as_bytes());
    if depth > DECODE_DEPTH {
        let kind = JsonErrorKind::TooDeep { limit: DECODE_DEPTH };
        return Err(DecodeError::new(kind.to_string(), 0, ""));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    if depth > PLAIN_DEPTH {
        deserializer.disable_recursion_limit();
    }
    T::deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value)).map_err(
        |error| {
            let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
            let at = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default();
            DecodeError::new(reason.into(), at, text)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Empty;
    use crate::json::MAX_DEPTH;
    use crate::message::Message;
    use crate::wire::{route, split};
    use alloc::vec::Vec;
    use std::borrow::ToOwned;

    fn reply(line: &str) -> Reply<'_> {
        let message = route(line.as_bytes()).map_or_else(|| split(line.as_bytes(), MAX_DEPTH), Ok);
        let Ok(Message::Reply(reply)) = message else { panic!("{line}: {message:?}") };
        reply
    }

    #[derive(Deserialize, Debug, PartialEq)]
    #[allow(dead_code)]
    enum Nested {
        #[serde(rename = "a")]
        Inner(alloc::boxed::Box<Self>),
        #[serde(rename = "b")]
        Leaf(u8),
    }

    fn nested(levels: usize) -> String {
        "{\"a\":".repeat(levels - 1) + "{\"b\":1}" + &"}".repeat(levels - 1)
    }

    #[test]
    fn a_value_is_decoded_owned_or_borrowed() {
        let line = r#"{"return": {"status": "running"}, "id": 1}"#;
        #[derive(Deserialize)]
        struct Borrowed<'a> {
            status: &'a str,
        }
        assert_eq!(reply(line).decode::<Borrowed<'_>>().unwrap().status, "running");
        let owned = reply(line).into_owned();
        assert_eq!(owned.decode::<Borrowed<'_>>().unwrap().status, "running");
        let value: serde_json::Value = owned.decode().unwrap();
        assert_eq!(value["status"], "running");
    }

    #[test]
    fn members_between_the_value_and_the_id_are_ignored() {
        let line = r#"{"return": [1, 2], "__com.x": 1, "id": 1}"#;
        assert_eq!(reply(line).decode::<Vec<u8>>().unwrap(), [1, 2]);
    }

    #[test]
    fn an_empty_reply_decodes_whatever_members_a_server_adds() {
        for value in ["{}", "{ }", r#"{"a": 1}"#, r#"{"a": {"b": [null]}, "a": 2}"#] {
            let line = std::format!("{{\"return\": {value}, \"id\": 1}}");
            assert_eq!(reply(&line).decode::<Empty>(), Ok(Empty), "{value}");
        }
        for value in ["null", "[]", "1", "\"\"", "{\"a\": NaN}", "{\"a\": 1,}"] {
            let line = std::format!("{{\"return\": {value}, \"id\": 1}}");
            reply(&line).decode::<Empty>().unwrap_err();
        }
        assert_eq!(serde_json::to_string(&Empty).unwrap(), "{}");
    }

    #[derive(Deserialize, Debug, PartialEq)]
    struct Needed {
        a: u8,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(untagged)]
    enum Either {
        Nothing(()),
        Maybe(Option<u8>),
        Object { a: Option<u8> },
    }

    #[test]
    fn an_empty_object_is_never_decoded_as_null() {
        for line in [r#"{"return": {}, "id": 1}"#, r#"{"return": { }, "id": 1}"#] {
            let reply = reply(line);
            reply.decode::<()>().unwrap_err();
            reply.decode::<Option<u8>>().unwrap_err();
            let error = reply.decode::<Option<Needed>>().unwrap_err();
            assert!(error.to_string().contains("missing field `a`"), "{error}");
            assert_eq!(reply.decode::<Either>().unwrap(), Either::Object { a: None });
            assert_eq!(reply.decode::<serde_json::Value>().unwrap(), serde_json::json!({}));
        }
        let null = reply(r#"{"return": null, "id": 1}"#);
        assert_eq!(null.decode::<Option<Needed>>().unwrap(), None);
        assert_eq!(null.decode::<Either>().unwrap(), Either::Nothing(()));
        // An event without data is the same.
        let event = split(br#"{"event": "STOP"}"#, MAX_DEPTH).unwrap();
        let Message::Event(event) = event else { panic!() };
        event.decode::<Option<Needed>>().unwrap_err();
        event.into_owned().decode::<Option<Needed>>().unwrap_err();
        event.decode::<Empty>().unwrap();
    }

    #[test]
    fn an_error_in_a_value_of_several_lines_is_at_its_byte() {
        let text = "{\r\n  \"a\": 1,\r\n  \"b\": \"text\"\r\n}";
        let error =
            RawJson::parse(text).unwrap().decode::<std::collections::BTreeMap<String, u8>>();
        let error = error.unwrap_err();
        assert_eq!(text.get(error.at()..), Some("\"\r\n}"), "{error}");
        assert!(error.to_string().contains("\"b\": \"text\""), "{error}");
    }

    #[test]
    fn the_shown_text_starts_and_ends_with_whole_characters() {
        for behind in 0..4 {
            let text = std::format!("[\"{}{}\", 1]", "😀".repeat(100), "a".repeat(behind));
            let error = RawJson::parse(&text).unwrap().decode::<(u8, u8)>().unwrap_err();
            let near = error.to_string();
            let (_, near) = near.split_once("near `").unwrap();
            // The start is rounded down to the start of a character.
            let expected = std::format!("{}{}\", 1]`", "😀".repeat(5), "a".repeat(behind));
            assert_eq!(near, expected);
        }
    }

    #[test]
    fn an_error_has_the_reason_and_the_position() {
        let error = reply(r#"{"return": {"a": "text"}, "id": 1}"#)
            .decode::<std::collections::BTreeMap<String, u8>>()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid type: string \"text\", expected u8 at byte 11, in `a`, near `{\"a\": \"text\"}`"
        );
        assert_eq!(error.at(), 11);
        let error = reply(r#"{"return": {"a":}, "id": 1}"#).decode::<serde_json::Value>();
        assert!(error.unwrap_err().to_string().contains("JSON"), "the error reports invalid JSON");
    }

    #[test]
    fn an_error_has_the_path_of_the_member() {
        #[derive(Deserialize, Debug)]
        struct Inserted {
            #[allow(dead_code)]
            file: String,
        }
        #[derive(Deserialize, Debug)]
        struct Info {
            #[allow(dead_code)]
            inserted: Inserted,
        }
        let decode = |text: &str| {
            RawJson::parse(text).unwrap().decode::<Vec<Info>>().unwrap_err().path().to_string()
        };
        assert_eq!(decode(r#"[{"inserted": {"file": 7}}]"#), "[0].inserted.file");
        assert_eq!(decode(r#"[{"inserted": {"file": {"a": 1}}}]"#), "[0].inserted.file");
        assert_eq!(decode(r#"[{"inserted": {"file": "a"}}, {"inserted": {}}]"#), "[1].inserted");
        assert_eq!(decode(r#"[{"inserted": {"file": "a"}}, {}]"#), "[1]");
        assert_eq!(decode("{}"), "");
    }

    #[test]
    fn an_error_quotes_no_secret_and_no_control_character() {
        let decode = |text: &str| {
            let error = RawJson::parse(text).unwrap().decode::<(u8, ())>().unwrap_err();
            std::format!("{error} {error:?}")
        };
        #[derive(Deserialize, Debug)]
        struct Set {
            #[serde(rename = "password")]
            _password: u8,
        }
        let text = r#"{"protocol": "vnc", "password": "hunter2"}"#;
        let error = RawJson::parse(text).unwrap().decode::<Set>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid type: string \"••••\", expected u8 at byte 40, in `password`, near `\"password\": \"••••\"}`"
        );
        for text in [
            r#"{"execute": "x", "arguments": {"url": "https://me:hunter2@h"}}"#,
            r#"{"arg": ["hunter2", "hunter2"]}"#,
            "[{\"password\":\n\"hunter2\"\n}, \"x\"]",
        ] {
            let shown = decode(text);
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        let shown = decode("[\"\u{9b}2J\u{202e}\", 1]");
        assert!(shown.contains(r"\u{9b}2J\u{202e}") && !shown.contains('\u{9b}'), "{shown}");
    }

    #[test]
    fn deep_replies_decode_on_a_small_stack_and_too_deep_ones_are_refused() {
        let decode = |levels: usize| {
            let line = "{\"return\": ".to_owned() + &nested(levels) + ", \"id\": 1}";
            std::thread::Builder::new()
                .stack_size(2 * 1024 * 1024)
                .spawn(move || {
                    reply(&line).decode::<Nested>().map(drop).map_err(|error| error.to_string())
                })
                .unwrap()
                .join()
                .unwrap()
        };
        assert_eq!(decode(145), Ok(()));
        assert_eq!(decode(DECODE_DEPTH), Ok(()));
        for levels in [DECODE_DEPTH + 1, 1023] {
            let error = decode(levels).unwrap_err();
            assert!(error.starts_with("nesting deeper than 200 levels"), "{error}");
        }
    }

    #[test]
    fn an_event_without_data_decodes_as_an_empty_object() {
        let line = br#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}"#;
        let Some(Message::Event(event)) = route(line) else { panic!() };
        assert!(event.decode::<std::collections::BTreeMap<String, u8>>().unwrap().is_empty());
    }
}
