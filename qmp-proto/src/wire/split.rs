//! The full route: any legal message, in any order of members. All is checked but the body, which is
//! when it is read.

use crate::json::{
    JsonError, JsonFlaw, Lenient, MAX_DEPTH, Member, Members, Text, skip_blanks, trim_blanks_end,
    trim_blanks_start, walk_value,
};
use crate::message::{Body, Event, Failure, Greeting, Message, Reply, Timestamp, inside_quotes};

/// Why a text is not one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsplit {
    /// It is not exactly one JSON object.
    Json(JsonError),
    /// An object of a kind that no server sends, or of several kinds at once.
    Unknown,
}

impl From<JsonError> for Unsplit {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

/// Where bodies are.
const BODIES: &[&[u8]] = &[b"return", b"data"];

const KNOWN: &[&str] = &["QMP", "return", "error", "event", "data", "timestamp", "id"];

/// The members that matter, raw.
#[derive(Default)]
struct Parts<'b> {
    greeting: Option<Member<'b>>,
    success: Option<Member<'b>>,
    error: Option<Member<'b>>,
    event: Option<Member<'b>>,
    data: Option<Member<'b>>,
    timestamp: Option<Member<'b>>,
    id: Option<Member<'b>>,
}

/// Splits a text that is exactly one message, in any order of members, unknown ones ignored.
pub(crate) fn split(text: &[u8], depth: usize) -> Result<Message<'_>, Unsplit> {
    let text = trim_blanks_end(trim_blanks_start(text));
    core::str::from_utf8(text)
        .map_err(|error| JsonError::new(JsonFlaw::Utf8, error.valid_up_to()))?;
    let mut parts = Parts::default();
    let mut members = Members::new(text, depth.min(MAX_DEPTH));
    while let Some(member) = members.next_unchecked(BODIES)? {
        let part = match member.name_among(KNOWN) {
            b"QMP" => &mut parts.greeting,
            b"return" => &mut parts.success,
            b"error" => &mut parts.error,
            b"event" => &mut parts.event,
            b"data" => &mut parts.data,
            b"timestamp" => &mut parts.timestamp,
            b"id" => &mut parts.id,
            _ => continue,
        };
        if part.replace(member).is_some() {
            return Err(JsonError::new(JsonFlaw::DuplicateMember, member.at).into());
        }
    }
    let rest = skip_blanks(text, members.end());
    if rest < text.len() {
        return Err(JsonError::new(JsonFlaw::Trailing, rest).into());
    }
    parts.check_all_but_the_body(text)?;
    parts.message(text)
}

impl<'b> Parts<'b> {
    /// What looks like a body in a message of another kind is checked as all else was.
    fn check_all_but_the_body(&self, text: &[u8]) -> Result<(), JsonError> {
        let (success, data) = match (self.greeting, self.success, self.error, self.event) {
            (None, Some(_), None, None) => (None, self.data),
            (None, None, None, Some(_)) => (None, None),
            _ => (self.success, self.data),
        };
        for member in success.into_iter().chain(data) {
            walk_value(text, member.at, MAX_DEPTH, &mut Lenient)?;
        }
        Ok(())
    }

    fn message(self, message: &'b [u8]) -> Result<Message<'b>, Unsplit> {
        let body = |member: Member<'b>| Body {
            message,
            start: member.at,
            end: member.at + member.value.len(),
        };
        let id = self.id.map(|id| (id.at, id.at + id.value.len()));
        match (self.greeting, self.success, self.error, self.event) {
            (Some(greeting), None, None, None) => {
                Ok(Message::Greeting(Greeting::read(message, greeting.value)?))
            }
            (None, Some(success), None, None) => {
                Ok(Message::Reply(Reply { body: body(success), id }))
            }
            (None, None, Some(error), None) => {
                let (class, description) = class_and_description(error.value)?;
                Ok(Message::Failure(Failure { message, class, description, id }))
            }
            (None, None, None, Some(event)) => Ok(Message::Event(Event {
                name: inside_quotes(event.value).ok_or(Unsplit::Unknown)?.as_bytes(),
                timestamp: self.timestamp.and_then(|stamp| timestamp(stamp.value)),
                message,
                data: self.data.map(body),
            })),
            _ => Err(Unsplit::Unknown),
        }
    }
}

fn class_and_description(error: &[u8]) -> Result<(&str, Text<'_>), Unsplit> {
    let mut members = Members::new(error, MAX_DEPTH);
    let (mut class, mut description) = (None, None);
    while let Some(member) = members.next().map_err(|_| Unsplit::Unknown)? {
        match member.name_among(&["class", "desc"]) {
            b"class" => class = inside_quotes(member.value),
            b"desc" => description = inside_quotes(member.value),
            _ => {}
        }
    }
    Ok((class.ok_or(Unsplit::Unknown)?, Text::new(description.unwrap_or_default())))
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

impl<'b> Message<'b> {
    /// What a reply or an event carries.
    pub(crate) fn body(&self) -> Option<Body<'b>> {
        match self {
            Self::Reply(reply) => Some(reply.body),
            Self::Event(event) => event.data,
            Self::Greeting(_) | Self::Failure(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_body_is_looked_at_when_it_is_read_and_what_only_looks_like_one_at_once() {
        let told = |text: &'static str| split(text.as_bytes(), MAX_DEPTH);
        let Ok(Message::Reply(reply)) = told(r#"{"id": 1, "return": [nope]}"#) else { panic!() };
        reply.json().unwrap_err();
        let Ok(Message::Event(event)) = told(r#"{"data": [nope], "event": "X"}"#) else { panic!() };
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
    fn what_is_no_message_is_told_apart() {
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
        for (text, flaw) in [
            (r#"{"id": 1, "return": {}, "id": 2}"#, JsonFlaw::DuplicateMember),
            (r#"{"return": {}} {"return": {}}"#, JsonFlaw::Trailing),
            (r#"{"return": {}"#, JsonFlaw::Incomplete),
            ("{\r\n", JsonFlaw::Incomplete),
            ("42", JsonFlaw::NotAnObject),
        ] {
            assert!(matches!(failed(text), Unsplit::Json(e) if e.flaw() == flaw), "{text}");
        }
        let invalid = b"{\"return\": \"\xC3(\"}";
        assert!(
            matches!(split(invalid, MAX_DEPTH), Err(Unsplit::Json(e)) if e.flaw() == JsonFlaw::Utf8)
        );
    }

    #[test]
    fn an_error_needs_a_class_only() {
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
