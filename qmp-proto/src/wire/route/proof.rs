//! Proving that a line in a known format is one object.

use memchr::memchr2;

use crate::json::{plain_prefix, skip_value};
use crate::wire::IS_FAST;
use crate::wire::braces::{Braces, LONG};

/// Returns whether a line is one object, and `value` is one value in it. The value starts at
/// `start` and is followed by `, "id": 7}` or `}`.
pub(super) fn is_one_object(line: &[u8], value: &[u8], start: usize, braces: &mut Braces) -> bool {
    is_flat(value)
        || (IS_FAST && line.len() > LONG && braces.prove(line))
        || skip_value(line, start, usize::MAX) == Ok(start + value.len())
}

/// Proves most values: no other value of the same kind is inside.
///
/// If the line is JSON, the comma or bracket after the value is outside of strings, so the last
/// byte of the value is outside of strings, too.
fn is_flat(value: &[u8]) -> bool {
    match value {
        [b'{', inside @ .., b'}'] if IS_FAST => !has_either(inside, b'{', b'}'),
        [b'[', inside @ .., b']'] if IS_FAST => !has_either(inside, b'[', b']'),
        [b'"', inside @ ..] => is_rest_of_string(inside),
        [b'{' | b'[', ..] => false,
        _ => !value.iter().any(|&byte| byte == b'"' || matches!(byte | 0x20, b'{' | b'}')),
    }
}

/// Returns whether the bytes contain one of the two. Written so that compilers compare many bytes
/// at once, because most values are too short for a call of `memchr2`.
fn has_either(bytes: &[u8], one: u8, other: u8) -> bool {
    const BLOCK: usize = 32;
    const HALF: usize = BLOCK / 2;
    const MANY: usize = 16 * BLOCK;
    if bytes.len() > MANY {
        return memchr2(one, other, bytes).is_some();
    }
    if let Some(last) = bytes.last_chunk::<BLOCK>() {
        let mut rest = bytes;
        while let Some((block, after)) = rest.split_first_chunk::<BLOCK>() {
            if block_has_either(block, one, other) {
                return true;
            }
            rest = after;
        }
        // Some of these bytes are examined twice.
        return block_has_either(last, one, other);
    }
    match (bytes.first_chunk::<HALF>(), bytes.last_chunk::<HALF>()) {
        (Some(first), Some(last)) => {
            block_has_either(first, one, other) || block_has_either(last, one, other)
        }
        _ => bytes.iter().any(|&byte| byte == one || byte == other),
    }
}

#[inline(always)]
fn block_has_either<const N: usize>(block: &[u8; N], one: u8, other: u8) -> bool {
    block.iter().fold(false, |found, &byte| found | (byte == one) | (byte == other))
}

/// Returns whether a string, given without its opening quote, ends with the last byte.
fn is_rest_of_string(inside: &[u8]) -> bool {
    let mut rest = inside;
    loop {
        match rest.get(plain_prefix(rest)..) {
            Some([b'\\', _, after @ ..]) => rest = after,
            Some([b'"']) => return true,
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn a_bracket_of_the_same_kind_is_found_at_any_position() {
        for length in (0..100).chain([511, 512, 513, 600]) {
            let plain = "x".repeat(length);
            assert!(is_flat(format!("{{{plain}}}").as_bytes()));
            assert!(is_flat(format!("[{plain}]").as_bytes()));
            for at in 0..length {
                for bracket in ["{", "}", "[", "]"] {
                    let mut inside = plain.clone();
                    inside.replace_range(at..=at, bracket);
                    let braces = "{}".contains(bracket);
                    assert_eq!(is_flat(format!("{{{inside}}}").as_bytes()), !braces, "{inside}");
                    assert_eq!(is_flat(format!("[{inside}]").as_bytes()), braces, "{inside}");
                }
            }
        }
    }

    #[test]
    fn a_string_is_one_value_if_it_ends_with_its_last_quote() {
        for (value, flat) in [
            (r#""""#, true),
            (r#""a\"{\\""#, true),
            (r#"""#, false),
            (r#""a\""#, false),
            (r#""a"b""#, false),
            (r#""a", "b": {}"#, false),
            ("-1.5e3", true),
            ("1, {", false),
            ("1, \"a\": 2", false),
            ("{]", false),
            ("[}", false),
        ] {
            assert_eq!(is_flat(value.as_bytes()), flat, "{value}");
        }
    }
}
