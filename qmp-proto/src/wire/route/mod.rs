//! The fast route: recognising messages in the format of QEMU and the agent by both ends of a line.
//!
//! A success reply is `{"return": … , "id": 7}`, and an event starts with its timestamp. In a line
//! that is one valid object, an unescaped `, "id": 7}` at the end is its last member, so the value
//! between need not be read. It has to be proved that the line is one object, because a line may
//! contain several, and an object may continue in the next line.

mod greeting;
mod number;
mod proof;

use crate::json::{is_blank, plain_ascii_prefix};
use crate::message::{Body, Event, Message, Reply, Timestamp};
use crate::wire::IS_FAST;
use crate::wire::braces::Braces;
use number::number;

/// Returns whether a line with this start can have one of the formats.
pub(crate) fn may_be_routed(input: &[u8]) -> bool {
    matches!(input, [b'{', b'"', b't' | b'r' | b'Q', ..])
}

/// Decodes a line in one of the formats. Returns `None` if the full route has to decode it.
pub(crate) fn route(line: &[u8]) -> Option<Message<'_>> {
    route_followed(line, &mut Braces::new())
}

/// As [`route`], for a line whose braces may have been followed before.
pub(crate) fn route_followed<'b>(line: &'b [u8], braces: &mut Braces) -> Option<Message<'b>> {
    match line.get(2) {
        Some(b't') => {
            route_event(line, line.strip_prefix(b"{\"timestamp\": {\"seconds\": ")?, braces)
        }
        Some(b'Q') if IS_FAST => {
            greeting::route(line, line.strip_prefix(b"{\"QMP\": {\"version\": ")?)
        }
        _ => route_reply(line, braces),
    }
}

fn route_reply<'b>(line: &'b [u8], braces: &mut Braces) -> Option<Message<'b>> {
    const START: &[u8] = b"{\"return\": ";
    const LONGEST_ID: usize = 19;
    if !line.starts_with(START) {
        return None;
    }
    let without_brace = line.strip_suffix(b"}")?;
    let count = without_brace.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (before, digits) = without_brace.split_at_checked(without_brace.len() - count)?;
    if count > LONGEST_ID || matches!(digits, [] | [b'0', _, ..]) {
        return None;
    }
    let end = before.strip_suffix(b", \"id\": ")?.len();
    let body = body(line, START.len(), end, braces)?;
    Some(Message::Reply(Reply { body, id: Some((before.len(), before.len() + count)) }))
}

/// Decodes an event. `rest` of the line starts with the seconds.
fn route_event<'b>(line: &'b [u8], rest: &'b [u8], braces: &mut Braces) -> Option<Message<'b>> {
    let (seconds, rest) = number::<10>(rest, b", \"microseconds\": ")?;
    let (microseconds, rest) = number::<6>(rest, b"}, \"event\": \"")?;
    let (name, rest) = rest.split_at_checked(plain_ascii_prefix(rest))?;
    let rest = rest.strip_prefix(b"\"")?;
    let data = if rest == b"}" {
        None
    } else {
        let data = rest.strip_prefix(b", \"data\": ")?.strip_suffix(b"}")?;
        let end = line.len() - 1;
        Some(body(line, end - data.len(), end, braces)?)
    };
    Some(Message::Event(Event {
        name,
        timestamp: Some(Timestamp::new(seconds, microseconds)),
        message: line,
        data,
    }))
}

/// Returns the body between `start` and `end`, or `None` if it is empty, has blanks around it, or
/// the line is not one object.
fn body<'b>(line: &'b [u8], start: usize, end: usize, braces: &mut Braces) -> Option<Body<'b>> {
    let value = line.get(start..end)?;
    if is_blank(*value.first()?) || is_blank(*value.last()?) {
        return None;
    }
    proof::is_one_object(line, value, start, braces).then_some(Body { message: line, start, end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonErrorKind;

    #[test]
    fn a_reply_of_qemu_is_routed() {
        let Some(Message::Reply(reply)) = route(br#"{"return": {"running": true}, "id": 12}"#)
        else {
            panic!()
        };
        assert_eq!(reply.id_bytes(), Some(&b"12"[..]));
        assert_eq!(reply.json().unwrap().as_str(), r#"{"running": true}"#);
    }

    #[test]
    fn an_event_of_qemu_is_routed() {
        let line = br#"{"timestamp": {"seconds": 1795336229, "microseconds": -1}, "event": "A_B", "data": {"x": 1}}"#;
        let Some(Message::Event(event)) = route(line) else { panic!() };
        assert_eq!(event.name(), "A_B");
        assert_eq!(event.timestamp(), Some(Timestamp::new(1795336229, -1)));
        assert_eq!(event.data().unwrap().unwrap().as_str(), r#"{"x": 1}"#);
        let bare = br#"{"timestamp": {"seconds": 0, "microseconds": 5}, "event": "STOP"}"#;
        let Some(Message::Event(event)) = route(bare) else { panic!() };
        assert!(event.data().unwrap().is_none());
    }

    #[test]
    fn other_formats_need_the_full_route() {
        for line in [
            r#"{"return": {}}"#,
            r#"{"return": {}, "id": "7"}"#,
            r#"{"return": {}, "id": 07}"#,
            r#"{"return": {}, "id": -7}"#,
            r#"{"return": , "id": 7}"#,
            r#"{"return":{},"id":7}"#,
            r#"{"id": 7, "error": {"class": "GenericError", "desc": ""}}"#,
            r#"{"timestamp": {"seconds": 01, "microseconds": 5}, "event": "STOP"}"#,
            r#"{"timestamp": {"seconds": 1, "microseconds": 5}, "event": "S\u0054OP"}"#,
            r#"{"timestamp": {"seconds": 1, "microseconds": 5}, "event": "STOP", "x": 1}"#,
            r#"{"timestamp": {"seconds": 1, "microseconds": 5}, "event": "STOP"#,
        ] {
            assert!(route(line.as_bytes()).is_none(), "{line}");
        }
    }

    #[test]
    fn a_line_that_is_not_one_object_by_its_brackets_is_not_routed() {
        for line in [
            r#"{"return": {}, "id": 1}{"return": {}, "id": 2}"#,
            r#"{"return": {}, "id": 1} {"return": {}, "id": 2}"#,
            r#"{"return": {"x": 1, "id": 0}"#,
            r#"{"return": [{"x": 1}, {"id": 0}, "id": 1}"#,
            r#"{"return": "abc, "id": 2}"#,
            r#"{"return": {}, "error": {"class": "X", "desc": ""}, "id": 2}"#,
            r#"{"return": {}, "id": 1, "id": 2}"#,
            r#"{"return": {"a": 1}, "__com.x": {"b": 2}, "id": 1}"#,
            r#"{"timestamp": {"seconds": 1, "microseconds": 5}, "event": "E", "data": {"x": [1]}, "extra": {}}"#,
            r#"{"timestamp": {"seconds": 1, "microseconds": 5}, "event": "E", "data": {}}{"event": "F", "data": {}}"#,
        ] {
            assert!(route(line.as_bytes()).is_none(), "{line}");
        }
    }

    #[test]
    fn a_value_that_is_not_json_is_found_when_it_is_read() {
        for line in [
            r#"{"return": nope, "id": 2}"#,
            r#"{"return": {"a":}, "id": 2}"#,
            r#"{"return": [{]], "id": 2}"#,
        ] {
            let Some(Message::Reply(reply)) = route(line.as_bytes()) else { panic!("{line}") };
            assert_eq!(reply.json().unwrap_err().kind(), JsonErrorKind::Syntax);
        }
    }
}
