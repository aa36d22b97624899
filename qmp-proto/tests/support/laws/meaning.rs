//! The meaning of JSON, independent of blanks and escapes.

use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Returns the tokens of a JSON text, with escapes resolved.
pub(super) fn meaning(json: &str) -> Vec<String> {
    let bytes = json.as_bytes();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while let Some(&byte) = bytes.get(at) {
        let end = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            b'"' => string_end(bytes, at),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => at + 1,
            _ => bytes[at..]
                .iter()
                .position(|byte| b" \t\r\n,:{}[]\"".contains(byte))
                .map_or(bytes.len(), |length| at + length),
        };
        tokens.push(match byte {
            b'"' => format!("\"{}", comparable(&unescaped(&json[at..end]))),
            _ => json[at..end].to_string(),
        });
        at = end;
    }
    tokens
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Returns the text of a JSON string.
pub(super) fn unescaped(string: &str) -> String {
    serde_json::from_str(string).unwrap()
}

/// Returns a text without noncharacters, which servers may replace, as QEMU does.
pub(super) fn comparable(text: &str) -> String {
    let is_noncharacter = |char: char| {
        let code = char as u32;
        code & 0xFFFE == 0xFFFE || (0xFDD0..0xFDF0).contains(&code)
    };
    text.replace(is_noncharacter, "\u{FFFD}")
}

/// Returns the members, in order, of a text that is one JSON object for serde_json.
pub(super) fn members(text: &[u8]) -> Option<Vec<(String, String)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, String)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                members.push((name, value.get().to_string()));
            }
            Ok(members)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let members = deserializer.deserialize_map(Members).ok()?;
    deserializer.end().ok()?;
    Some(members)
}

/// Returns whether a text is JSON for serde_json, or `None` for numbers too large for a double and
/// for very deep texts, which serde_json refuses.
pub(super) fn is_json(text: &[u8]) -> Option<bool> {
    if text.iter().filter(|&&byte| byte == b'{' || byte == b'[').count() > 120 {
        return None;
    }
    match serde_json::from_slice::<serde_json::Value>(text) {
        Ok(_) => Some(true),
        Err(error) if error.to_string().contains("out of range") => None,
        Err(_) => Some(false),
    }
}

/// Panics if the text is not JSON. Accepts deep texts and large numbers.
pub(super) fn assert_json(text: &[u8]) {
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(text) {
        panic!("{error}: {}", text.escape_ascii());
    }
}

/// Returns the fields of an input, separated by zeros.
pub(super) fn fields<const N: usize>(input: &[u8]) -> Option<[&str; N]> {
    let mut fields = [""; N];
    for (field, bytes) in fields.iter_mut().zip(input.splitn(N, |&byte| byte == 0)) {
        *field = std::str::from_utf8(bytes).ok()?;
    }
    Some(fields)
}
