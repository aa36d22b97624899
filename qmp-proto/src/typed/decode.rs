//! From the text of a reply to a Rust value.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::Utf8Error;

use serde::Deserialize;

use crate::json::{JsonError, JsonFlaw, depth_of};
use crate::message::{Body, Event, Json, OwnedEvent, OwnedReply, Reply};
use crate::typed::TypedEvent;

/// The most levels that `decode` follows: deserializing recurses, and a derived enum in a debug
/// build takes about 8 KiB of stack a level. Legal replies reach 145.
pub const DECODE_DEPTH: usize = 200;

/// serde_json's own limit, below which it needs no help.
const PLAIN_DEPTH: usize = 127;

/// How much of the text is shown around the place of an error.
const SHOWN: usize = 40;

/// A reply, or the data of an event, that is not what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    reason: String,
    at: usize,
    near: String,
}

impl DecodeError {
    /// The byte of the value where it was noticed, counted from 0.
    pub const fn at(&self) -> usize {
        self.at
    }

    fn new(reason: String, at: usize, text: &str) -> Self {
        let start = text.floor_boundary(at.saturating_sub(SHOWN / 2));
        let end = text.floor_boundary(at.saturating_add(SHOWN / 2));
        Self { reason, at, near: text[start..end].into() }
    }
}

impl From<JsonError> for DecodeError {
    fn from(error: JsonError) -> Self {
        Self { reason: error.flaw().to_string(), at: error.at(), near: String::new() }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.reason, self.at)?;
        if self.near.is_empty() { Ok(()) } else { write!(f, ", near `{}`", self.near) }
    }
}

impl core::error::Error for DecodeError {}

/// `str::floor_char_boundary`, which is younger than the oldest compiler supported.
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

impl<'b> Json<'b> {
    /// Decodes the value, which may borrow from its text, down to [`DECODE_DEPTH`] levels.
    ///
    /// # Errors
    ///
    /// If the value is not a `T`, or has more levels.
    pub fn decode<T: Deserialize<'b>>(self) -> Result<T, DecodeError> {
        self.decode_within(DECODE_DEPTH)
    }

    /// Decodes the value, down to so many levels. The caller's stack must be able to hold them.
    ///
    /// # Errors
    ///
    /// If the value is not a `T`, or has more levels.
    pub fn decode_within<T: Deserialize<'b>>(self, levels: usize) -> Result<T, DecodeError> {
        decode_text(self.as_str(), levels)
    }
}

impl<'b> Reply<'b> {
    /// Decodes the value of `return`, which may borrow from its text, down to [`DECODE_DEPTH`]
    /// levels.
    ///
    /// # Errors
    ///
    /// If the value is not a `T`, has more levels, or is no JSON.
    pub fn decode<T: Deserialize<'b>>(&self) -> Result<T, DecodeError> {
        decode_body(&self.body, self.body.text())
    }
}

impl OwnedReply {
    /// Decodes the value of `return`, which may borrow from its text, down to [`DECODE_DEPTH`]
    /// levels.
    ///
    /// # Errors
    ///
    /// If the value is not a `T`, has more levels, or is no JSON.
    pub fn decode<'b, T: Deserialize<'b>>(&'b self) -> Result<T, DecodeError> {
        self.as_reply().decode()
    }
}

impl<'b> Event<'b> {
    /// Decodes what the event carries; nothing counts as `{}`.
    ///
    /// # Errors
    ///
    /// If it is not a `T`, has more than [`DECODE_DEPTH`] levels, or is no JSON.
    pub fn decode<T: Deserialize<'b>>(&self) -> Result<T, DecodeError> {
        match &self.data {
            Some(data) => decode_body(data, data.text()),
            None => decode_text("{}", DECODE_DEPTH),
        }
    }

    /// Decodes it if it is an `E`.
    pub fn typed<E: TypedEvent>(&self) -> Option<Result<E, DecodeError>> {
        (self.name() == E::NAME).then(|| self.decode())
    }
}

impl OwnedEvent {
    /// As [`Event::decode`].
    ///
    /// # Errors
    ///
    /// If it is not a `T`, has more than [`DECODE_DEPTH`] levels, or is no JSON.
    pub fn decode<'b, T: Deserialize<'b>>(&'b self) -> Result<T, DecodeError> {
        match self.body() {
            Some((data, text)) => decode_body(&data, text),
            None => decode_text("{}", DECODE_DEPTH),
        }
    }

    /// Decodes it if it is an `E`.
    pub fn typed<E: TypedEvent>(&self) -> Option<Result<E, DecodeError>> {
        (self.name() == E::NAME).then(|| self.decode())
    }
}

/// Decodes at once, and looks at the text only when that fails.
fn decode_body<'b, T: Deserialize<'b>>(
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

fn decode_text<'b, T: Deserialize<'b>>(text: &'b str, levels: usize) -> Result<T, DecodeError> {
    let depth = depth_of(text.as_bytes());
    if depth > levels {
        let flaw = JsonFlaw::TooDeep { limit: levels };
        return Err(DecodeError::new(flaw.to_string(), 0, ""));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    if depth > PLAIN_DEPTH {
        deserializer.disable_recursion_limit();
    }
    T::deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .or_else(|error| match text {
            // What a command returns that returns nothing: `()` will do for it.
            "{}" => serde_json::from_str("null").map_err(|_| error),
            _ => Err(error),
        })
        .map_err(|error| {
            let at = error.column().saturating_sub(1);
            let text = text.lines().nth(error.line().saturating_sub(1)).unwrap_or(text);
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default();
            DecodeError::new(reason.into(), at, text)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn an_event_is_typed_if_it_is_of_that_kind() {
        #[derive(Deserialize)]
        struct Stop {}
        impl TypedEvent for Stop {
            const NAME: &'static str = "STOP";
        }
        for (line, is_stop, fits) in [
            (r#"{"event": "STOP"}"#, true, true),
            (r#"{"event": "STOP", "data": 1}"#, true, false),
            (r#"{"event": "RESUME"}"#, false, false),
        ] {
            let Some(Message::Event(event)) = split(line.as_bytes(), MAX_DEPTH).ok() else {
                panic!("{line}");
            };
            let typed = [event.typed::<Stop>(), event.into_owned().typed::<Stop>()];
            for typed in typed {
                assert_eq!((typed.is_some(), typed.is_some_and(|it| it.is_ok())), (is_stop, fits));
            }
        }
    }

    #[test]
    fn members_between_the_value_and_the_id_do_no_harm() {
        let line = r#"{"return": [1, 2], "__com.x": 1, "id": 1}"#;
        assert_eq!(reply(line).decode::<Vec<u8>>().unwrap(), [1, 2]);
    }

    #[test]
    fn nothing_returned_decodes_as_unit() {
        reply(r#"{"return": {}, "id": 1}"#).decode::<()>().unwrap();
        reply(r#"{"return": {"a": 1}, "id": 1}"#).decode::<()>().unwrap_err();
        #[derive(Deserialize, Debug)]
        struct Needed {
            _a: u8,
        }
        let error = reply(r#"{"return": {}, "id": 1}"#).decode::<Needed>().unwrap_err();
        assert!(error.to_string().contains("missing field"), "{error}");
    }

    #[test]
    fn what_is_shown_of_a_text_begins_and_ends_with_whole_characters() {
        for behind in 0..4 {
            let text = std::format!("[\"{}{}\", 1]", "😀".repeat(100), "a".repeat(behind));
            let error = Json::parse(&text).unwrap().decode::<(u8, u8)>().unwrap_err();
            let near = error.to_string();
            let (_, near) = near.split_once("near `").unwrap();
            // Back to the beginning of one, and not on to the next.
            let expected = std::format!("{}{}\", 1]`", "😀".repeat(5), "a".repeat(behind));
            assert_eq!(near, expected);
        }
    }

    #[test]
    fn an_error_says_what_and_where() {
        let error = reply(r#"{"return": {"a": "text"}, "id": 1}"#)
            .decode::<std::collections::BTreeMap<String, u8>>()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid type: string \"text\", expected u8 at byte 11, near `{\"a\": \"text\"}`"
        );
        assert_eq!(error.at(), 11);
        let error = reply(r#"{"return": {"a":}, "id": 1}"#).decode::<serde_json::Value>();
        assert!(
            error.unwrap_err().to_string().contains("JSON"),
            "an invalid body is said to be so"
        );
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
        let deep = nested(300);
        let json = Json::parse(&deep).unwrap();
        assert!(json.decode_within::<serde_json::Value>(300).is_ok());
    }

    #[test]
    fn an_event_without_data_decodes_as_an_empty_object() {
        let line = br#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}"#;
        let Some(Message::Event(event)) = route(line) else { panic!() };
        assert!(event.decode::<std::collections::BTreeMap<String, u8>>().unwrap().is_empty());
    }
}
