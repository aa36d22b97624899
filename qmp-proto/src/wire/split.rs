//! The full route: decoding any valid message, with members in any order. The body is validated
//! when it is read.

use crate::json::{
    JsonError, JsonStr, MAX_DEPTH, Member, Members, trim_blanks_end, trim_blanks_start,
};
use crate::message::{Body, Event, Failure, Greeting, Message, Reply, Timestamp, inside_quotes};
use crate::wire::Parts;

/// The reason why a text is not one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsplit {
    /// The text is not exactly one JSON object.
    Json(JsonError),
    /// The object is of an unknown kind, or of several kinds.
    Unknown,
}

impl From<JsonError> for Unsplit {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

/// Decodes a text that is exactly one message. Unknown members are ignored.
pub(crate) fn split(text: &[u8], depth: usize) -> Result<Message<'_>, Unsplit> {
    let text = trim_blanks_end(trim_blanks_start(text));
    let mut parts = Parts::default();
    parts.read(text, depth)?;
    parts.check_all_but_the_body(text)?;
    message(text, &parts)
}

fn message<'b>(message: &'b [u8], parts: &Parts<'b>) -> Result<Message<'b>, Unsplit> {
    let body = |member: Member<'b>| Body {
        message,
        start: member.at,
        end: member.at + member.value.len(),
    };
    let id = parts.id.map(|id| (id.at, id.at + id.value.len()));
    match (parts.greeting, parts.success, parts.error, parts.event) {
        (Some(greeting), None, None, None) => {
            Ok(Message::Greeting(Greeting::read(message, greeting.value)?))
        }
        (None, Some(success), None, None) => Ok(Message::Reply(Reply { body: body(success), id })),
        (None, None, Some(error), None) => {
            let (class, description) = class_and_description(error.value)?;
            Ok(Message::Failure(Failure { message, class, description, id }))
        }
        (None, None, None, Some(event)) => Ok(Message::Event(Event {
            name: inside_quotes(event.value).ok_or(Unsplit::Unknown)?.as_bytes(),
            timestamp: parts.timestamp.and_then(|stamp| timestamp(stamp.value)),
            message,
            data: parts.data.map(body),
        })),
        _ => Err(Unsplit::Unknown),
    }
}

fn class_and_description(error: &[u8]) -> Result<(&str, JsonStr<'_>), Unsplit> {
    let mut members = Members::new(error, MAX_DEPTH);
    let (mut class, mut description) = (None, None);
    while let Some(member) = members.next().map_err(|_| Unsplit::Unknown)? {
        match member.name_among(&["class", "desc"]) {
            b"class" => class = inside_quotes(member.value),
            b"desc" => description = inside_quotes(member.value),
            _ => {}
        }
    }
    Ok((class.ok_or(Unsplit::Unknown)?, JsonStr::new(description.unwrap_or_default())))
}

fn timestamp(value: &[u8]) -> Option<Timestamp> {
    let mut members = Members::new(value, MAX_DEPTH);
    let (mut seconds, mut microseconds) = (None, None);
    while let Some(member) = members.next().ok()? {
        let number = core::str::from_utf8(member.value).ok()?.parse().ok();
        match member.name_among(&["seconds", "microseconds"]) {
            b"seconds" => seconds = number,
            b"microseconds" => microseconds = number,
            _ => {}
        }
    }
    Some(Timestamp::new(seconds?, microseconds?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonErrorKind;

    fn failed(text: &str) -> Unsplit {
        split(text.as_bytes(), MAX_DEPTH).unwrap_err()
    }

    #[test]
    fn members_may_come_in_any_order() {
        for text in
            [r#"{"id": 7, "return": {"a": 1}}"#, r#" {"__com.x":[], "return" : {"a": 1},"id":7 } "#]
        {
            let Ok(Message::Reply(reply)) = split(text.as_bytes(), MAX_DEPTH) else {
                panic!("{text}")
            };
            assert_eq!(reply.json().unwrap().as_str(), r#"{"a": 1}"#);
            assert_eq!(reply.id_bytes(), Some(&b"7"[..]));
        }
    }

    #[test]
    fn the_body_is_validated_when_it_is_read_and_other_members_immediately() {
        let read = |text: &'static str| split(text.as_bytes(), MAX_DEPTH);
        let Ok(Message::Reply(reply)) = read(r#"{"id": 1, "return": [nope]}"#) else { panic!() };
        reply.json().unwrap_err();
        let Ok(Message::Event(event)) = read(r#"{"data": [nope], "event": "X"}"#) else { panic!() };
        event.data().unwrap_err();
        for text in [
            r#"{"id": 1, "return": 1, "data": [nope]}"#,
            r#"{"event": "X", "return": [nope]}"#,
            r#"{"data": [nope], "error": {"class": "X", "desc": ""}}"#,
        ] {
            assert!(matches!(failed(text), Unsplit::Json(_)), "{text}");
        }
    }

    #[test]
    fn texts_that_are_not_messages_are_classified() {
        assert_eq!(failed(r#"{"foo": 1}"#), Unsplit::Unknown);
        assert_eq!(failed(r#"{"return": {}, "error": {}}"#), Unsplit::Unknown);
        assert_eq!(failed(r#"{"error": {"desc": "no class"}}"#), Unsplit::Unknown);
        assert_eq!(failed(r#"{"error": []}"#), Unsplit::Unknown);
        assert_eq!(failed(r#"{"event": 1}"#), Unsplit::Unknown);
        for broken in [
            r#"{"return": [nope], "error": {"class": "X"}}"#,
            r#"{"return": 1, "data": [nope]}"#,
            r#"{"event": "E", "return": [nope]}"#,
            r#"{"data": [nope]}"#,
        ] {
            assert!(matches!(failed(broken), Unsplit::Json(_)), "{broken}");
        }
        for (text, kind) in [
            (r#"{"id": 1, "return": {}, "id": 2}"#, JsonErrorKind::DuplicateMember),
            (r#"{"return": {}} {"return": {}}"#, JsonErrorKind::Trailing),
            (r#"{"return": {}"#, JsonErrorKind::Incomplete),
            ("{\r\n", JsonErrorKind::Incomplete),
            ("42", JsonErrorKind::NotAnObject),
        ] {
            assert!(matches!(failed(text), Unsplit::Json(e) if e.kind() == kind), "{text}");
        }
        let invalid = b"{\"return\": \"\xC3(\"}";
        assert!(
            matches!(split(invalid, MAX_DEPTH), Err(Unsplit::Json(e)) if e.kind() == JsonErrorKind::Utf8)
        );
    }

    #[test]
    fn an_error_needs_only_a_class() {
        let text = br#"{"error": {"class": "X", "data": {}}, "id": null}"#;
        let Ok(Message::Failure(failure)) = split(text, MAX_DEPTH) else { panic!() };
        assert_eq!((failure.class().name(), failure.id_bytes()), ("X", Some(&b"null"[..])));
        assert_eq!(failure.description(), "");
    }

    #[test]
    fn timestamps_are_signed_and_may_be_missing() {
        let read = |text: &str| match split(text.as_bytes(), MAX_DEPTH) {
            Ok(Message::Event(event)) => event.timestamp(),
            other => panic!("{other:?}"),
        };
        let clock_failed = r#"{"event": "STOP", "timestamp": {"microseconds": -1, "seconds": -1}}"#;
        assert_eq!(read(clock_failed), Some(Timestamp::new(-1, -1)));
        assert_eq!(read(r#"{"event": "STOP"}"#), None);
        assert_eq!(read(r#"{"event": "STOP", "timestamp": 5}"#), None);
    }
}
