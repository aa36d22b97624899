//! The baselines of the core: the minimum work on a line, and the work of a general parser.

use std::hint::black_box;
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The end of the line.
pub fn newline(line: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', line)
}

/// The members of a message, with everything nested left as text.
#[derive(Debug, Deserialize)]
pub struct Envelope<'a> {
    pub event: Option<&'a str>,
    #[serde(borrow)]
    pub timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
    #[serde(borrow, rename = "return")]
    pub value: Option<&'a RawValue>,
    #[serde(borrow)]
    pub id: Option<&'a RawValue>,
}

/// Parses with serde_json.
pub fn envelope(line: &[u8]) -> Option<Envelope<'_>> {
    serde_json::from_slice(line).ok()
}

/// The same for each line in a buffer; returns the number of events.
pub fn envelopes(lines: &[u8]) -> usize {
    let (mut start, mut count) = (0, 0);
    for end in memchr::memchr_iter(b'\n', lines) {
        let envelope = black_box(envelope(&lines[start..end]));
        count += usize::from(envelope.is_some_and(|it| it.event == Some("DEVICE_DELETED")));
        start = end + 1;
    }
    count
}

/// The positions of a member's name and value.
pub type Member = (Range<usize>, Range<usize>);

/// The members of the object in a line, up to four, found byte by byte. Nested values are not
/// checked.
pub fn members(line: &[u8]) -> [Member; 4] {
    let mut members = [const { (0..0, 0..0) }; 4];
    let (mut count, mut depth, mut in_string, mut escaped) = (0, 0_usize, false, false);
    let (mut string, mut name, mut value) = (0..0, 0..0, 0);
    for (at, &byte) in line.iter().enumerate() {
        if in_string {
            if escaped {
                escaped = false;
            } else if byte == b'\\' {
                escaped = true;
            } else if byte == b'"' {
                in_string = false;
                string.end = at;
            }
            continue;
        }
        match byte {
            b'"' => {
                in_string = true;
                if depth == 1 {
                    string = at + 1..at + 1;
                }
            }
            b'{' | b'[' => depth += 1,
            b':' if depth == 1 => {
                name = string.clone();
                value = at + 1;
            }
            b',' | b'}' if depth == 1 => {
                if let Some(member) = members.get_mut(count) {
                    *member = (name.clone(), value..at);
                }
                count += 1;
                if byte == b'}' {
                    break;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EVENTS, Messages};

    #[test]
    fn all_find_the_same() {
        let messages = Messages::new();
        for line in [&messages.reply, &messages.other_reply] {
            let envelope = envelope(line.as_bytes()).map(|it| it.value.map(RawValue::get));
            let members = members(line.as_bytes());
            let value = members.iter().find(|(name, _)| &line[name.clone()] == "return");
            let value = value.map(|(_, value)| line[value.clone()].trim_start());
            assert_eq!(envelope.flatten(), value);
            assert_eq!(newline(line.as_bytes()), Some(line.len() - 1));
        }
        assert_eq!(envelopes(messages.events.as_bytes()), EVENTS);
    }
}
