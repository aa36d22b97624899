//! The fast route: the shapes QEMU and the agent really send, recognised from both ends.
//!
//! A success is `{"return": … , "id": 7}`, an event begins with its timestamp. In a line that is
//! one valid object, an unescaped `, "id": 7}` right before the end can only be its last member, so
//! nothing between has to be read. A line that is not valid may be routed by its id all the same;
//! then what lies between is no single value, and decoding it fails.

mod greeting;

use crate::json::{is_blank, plain_ascii_prefix};
use crate::message::{Body, Event, Message, Reply, Timestamp};

/// Whether a line that begins so is worth the attempt.
pub(crate) fn may_be_routed(input: &[u8]) -> bool {
    matches!(input, [b'{', b'"', b't' | b'r' | b'Q', ..])
}

/// Takes a line in one of the known shapes; `None` sends it down the full route.
pub(crate) fn route(line: &[u8]) -> Option<Message<'_>> {
    match line.get(2) {
        Some(b't') => route_event(line, line.strip_prefix(b"{\"timestamp\": {\"seconds\": ")?),
        Some(b'Q') => greeting::route(line, line.strip_prefix(b"{\"QMP\": {\"version\": ")?),
        _ => route_reply(line),
    }
}

fn route_reply(line: &[u8]) -> Option<Message<'_>> {
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
    let body = body(line, START.len(), end)?;
    Some(Message::Reply(Reply { body, id: Some((before.len(), before.len() + count)) }))
}

/// `rest` of the line begins with the seconds.
fn route_event<'b>(line: &'b [u8], rest: &'b [u8]) -> Option<Message<'b>> {
    let (seconds, rest) = number::<10>(rest, b", \"microseconds\": ")?;
    let (microseconds, rest) = number::<6>(rest, b"}, \"event\": \"")?;
    let (name, rest) = rest.split_at_checked(plain_ascii_prefix(rest))?;
    let rest = rest.strip_prefix(b"\"")?;
    let data = if rest == b"}" {
        None
    } else {
        let data = rest.strip_prefix(b", \"data\": ")?.strip_suffix(b"}")?;
        let end = line.len() - 1;
        Some(body(line, end - data.len(), end)?)
    };
    Some(Message::Event(Event {
        name,
        timestamp: Some(Timestamp::new(seconds, microseconds)),
        message: line,
        data,
    }))
}

/// What stands between, unless that is nothing, or blanks of another server's are around it.
fn body(message: &[u8], start: usize, end: usize) -> Option<Body<'_>> {
    let value = message.get(start..end)?;
    if is_blank(*value.first()?) || is_blank(*value.last()?) {
        return None;
    }
    Some(Body { message, start, end })
}

/// A JSON integer of at most 18 digits, and what stands behind it and `then`.
///
/// Most have the `USUAL` number of digits. That is tried first: the processor can go on with what is
/// behind before it knows the digits.
fn number<'b, const USUAL: usize>(bytes: &'b [u8], then: &[u8]) -> Option<(i64, &'b [u8])> {
    let usual = || {
        let (digits, rest) = bytes.split_first_chunk::<USUAL>()?;
        let rest = rest.strip_prefix(then)?;
        Some((all_digits(digits)?, rest))
    };
    if let Some(usual) = usual() {
        return Some(usual);
    }
    let (negative, rest) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at_checked(count).filter(|_| (1..=18).contains(&count))?;
    let value = match digits {
        [digit] => i64::from(digit - b'0'),
        _ => all_digits(digits)?,
    };
    Some((if negative { -value } else { value }, rest.strip_prefix(then)?))
}

/// What the digits mean, unless there are others among them, or a zero comes first.
fn all_digits(digits: &[u8]) -> Option<i64> {
    let mut value = 0_i64;
    let mut all = digits.first() != Some(&b'0');
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        all &= digit <= 9;
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
    }
    all.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{JsonFlaw, MAX_DEPTH};
    use crate::wire::split;

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
    fn other_shapes_are_left_to_the_full_route() {
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
    fn members_that_no_qemu_sends_are_found_when_the_body_is_read() {
        let line = br#"{"return": {"a": 1}, "__com.x": {"b": 2}, "id": 1}"#;
        let Some(Message::Reply(reply)) = route(line) else { panic!() };
        assert_eq!(reply.json().unwrap().as_str(), r#"{"a": 1}"#);
        let line = br#"{"timestamp": {"seconds": 1, "microseconds": 5}, "event": "E", "data": {"x": [1]}, "extra": 0}"#;
        let Some(Message::Event(event)) = route(line) else { panic!() };
        assert_eq!(event.data().unwrap().unwrap().as_str(), r#"{"x": [1]}"#);
    }

    #[test]
    fn an_invalid_line_may_be_routed_but_not_read() {
        for line in [
            r#"{"return": {}, "id": 1}{"return": {}, "id": 2}"#,
            r#"{"return": "abc, "id": 2}"#,
            r#"{"return": {}, "error": {"class": "X", "desc": ""}, "id": 2}"#,
            r#"{"return": {}, "id": 1, "id": 2}"#,
            r#"{"return": nope, "id": 2}"#,
        ] {
            assert!(split(line.as_bytes(), MAX_DEPTH).is_err());
            let Some(Message::Reply(reply)) = route(line.as_bytes()) else { panic!("{line}") };
            let flaw = reply.json().unwrap_err().flaw();
            assert!(matches!(flaw, JsonFlaw::Trailing | JsonFlaw::Incomplete | JsonFlaw::Syntax));
        }
    }
}
