//! Walking over one JSON value without building anything.

use super::string::{plain_prefix, walk_escape};
use super::{JsonError, JsonErrorKind, MAX_DEPTH, Nesting, Rules};

/// The token that may follow.
#[derive(Clone, Copy)]
enum Expect {
    Value,
    ValueOrClose,
    NameOrClose,
    Name,
    CommaOrClose,
}

/// Walks the value at `at`, after optional blanks, and returns its end.
///
/// `limit` is the maximum depth, including the value's own level, and at most [`MAX_DEPTH`]. The
/// walk does not recurse. Bytes inside strings need not be UTF-8.
pub(crate) fn walk_value<'a>(
    text: &'a [u8],
    mut at: usize,
    limit: usize,
    rules: &mut impl Rules<'a>,
) -> Result<usize, JsonError> {
    let mut nesting = Nesting::new();
    let mut expect = Expect::Value;
    loop {
        at = skip_blanks(text, at);
        let Some(&byte) = text.get(at) else {
            return Err(JsonError::new(JsonErrorKind::Incomplete, at));
        };
        let start = at;
        let error = |kind| JsonError::new(kind, start);
        rules.token().map_err(error)?;
        match (expect, byte) {
            (Expect::Value | Expect::ValueOrClose, b'{' | b'[') => {
                let object = byte == b'{';
                if !nesting.open(object, limit) {
                    return Err(error(JsonErrorKind::TooDeep { limit: limit.min(MAX_DEPTH) }));
                }
                at += 1;
                if object {
                    rules.open_object().map_err(error)?;
                    expect = Expect::NameOrClose;
                } else {
                    expect = Expect::ValueOrClose;
                }
                continue;
            }
            (Expect::NameOrClose | Expect::CommaOrClose, b'}') if nesting.close(true) => {
                rules.close_object().map_err(error)?;
                at += 1;
            }
            (Expect::ValueOrClose | Expect::CommaOrClose, b']') if nesting.close(false) => at += 1,
            (Expect::Value | Expect::ValueOrClose, b'"') => at = walk_string(text, at, rules)?,
            (Expect::Value | Expect::ValueOrClose, b'-' | b'0'..=b'9') => {
                at = walk_number(text, at)?;
                rules.number(text.get(start..at).unwrap_or_default()).map_err(error)?;
            }
            (Expect::Value | Expect::ValueOrClose, b't') => at = walk_keyword(text, at, b"true")?,
            (Expect::Value | Expect::ValueOrClose, b'f') => at = walk_keyword(text, at, b"false")?,
            (Expect::Value | Expect::ValueOrClose, b'n') => at = walk_keyword(text, at, b"null")?,
            (Expect::Name | Expect::NameOrClose, b'"') => {
                at = walk_string(text, at, rules)?;
                rules.name(text.get(start + 1..at - 1).unwrap_or_default()).map_err(error)?;
                at = walk_colon(text, at)?;
                rules.token().map_err(error)?;
                expect = Expect::Value;
                continue;
            }
            (Expect::CommaOrClose, b',') => {
                at += 1;
                expect = if nesting.in_object() { Expect::Name } else { Expect::Value };
                continue;
            }
            _ => return Err(error(JsonErrorKind::Syntax)),
        }
        // A value has just ended.
        if nesting.depth() == 0 {
            return Ok(at);
        }
        expect = Expect::CommaOrClose;
    }
}

/// Walks the string with its opening quote at `at`, and returns the position after its closing
/// quote.
pub(crate) fn walk_string<'a>(
    text: &'a [u8],
    at: usize,
    rules: &mut impl Rules<'a>,
) -> Result<usize, JsonError> {
    let mut at = at + 1;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let plain = rest.get(..plain_prefix(rest)).unwrap_or_default();
        rules.plain(plain).map_err(|kind| JsonError::new(kind, at))?;
        at += plain.len();
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => {
                let (meant, end) = walk_escape(text, at)?;
                rules.escaped(meant).map_err(|kind| JsonError::new(kind, at))?;
                at = end;
            }
            Some(_) => return Err(JsonError::new(JsonErrorKind::ControlCharacter, at)),
            None => return Err(JsonError::new(JsonErrorKind::Incomplete, at)),
        }
    }
}

/// Walks blanks and a colon, and returns the position after them.
pub(crate) fn walk_colon(text: &[u8], at: usize) -> Result<usize, JsonError> {
    let at = skip_blanks(text, at);
    match text.get(at) {
        Some(b':') => Ok(at + 1),
        Some(_) => Err(JsonError::new(JsonErrorKind::Syntax, at)),
        None => Err(JsonError::new(JsonErrorKind::Incomplete, at)),
    }
}

fn walk_keyword(text: &[u8], at: usize, word: &[u8]) -> Result<usize, JsonError> {
    for (offset, expected) in word.iter().enumerate() {
        match text.get(at + offset) {
            Some(byte) if byte == expected => {}
            Some(_) => return Err(JsonError::new(JsonErrorKind::Syntax, at + offset)),
            None => return Err(JsonError::new(JsonErrorKind::Incomplete, text.len())),
        }
    }
    Ok(at + word.len())
}

fn walk_number(text: &[u8], mut at: usize) -> Result<usize, JsonError> {
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match text.get(at) {
        Some(b'0') => at + 1,
        _ => walk_digits(text, at)?,
    };
    if text.get(at) == Some(&b'.') {
        at = walk_digits(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        at = walk_digits(text, at)?;
    }
    Ok(at)
}

/// Walks one or more digits.
fn walk_digits(text: &[u8], at: usize) -> Result<usize, JsonError> {
    let rest = text.get(at..).unwrap_or_default();
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match (count, text.get(at)) {
        (0, None) => Err(JsonError::new(JsonErrorKind::Incomplete, at)),
        (0, Some(_)) => Err(JsonError::new(JsonErrorKind::Syntax, at)),
        _ => Ok(at + count),
    }
}

pub(crate) fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|&byte| is_blank(byte)) {
        at += 1;
    }
    at
}

/// Returns the text without leading blanks.
pub(crate) fn trim_blanks_start(text: &[u8]) -> &[u8] {
    text.get(skip_blanks(text, 0)..).unwrap_or_default()
}

/// Returns the text without trailing blanks.
pub(crate) fn trim_blanks_end(text: &[u8]) -> &[u8] {
    let last = text.iter().rposition(|&byte| !is_blank(byte));
    text.get(..last.map_or(0, |last| last + 1)).unwrap_or_default()
}

pub(crate) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Returns the depth of a valid text: 0 for a scalar, 1 for `{}`.
#[cfg(feature = "alloc")]
pub(crate) fn depth_of(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut at) = (0_usize, 0, 0);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => match walk_string(text, at, &mut super::Lenient) {
                Ok(end) => {
                    at = end;
                    continue;
                }
                Err(_) => return deepest,
            },
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Lenient, Strict};

    fn lenient(text: &str) -> Result<usize, JsonErrorKind> {
        walk_value(text.as_bytes(), 0, MAX_DEPTH, &mut Lenient).map_err(|error| error.kind())
    }

    fn strict(text: &str) -> Result<usize, JsonErrorKind> {
        walk_value(text.as_bytes(), 0, MAX_DEPTH, &mut Strict::default()).map_err(|e| e.kind())
    }

    #[test]
    fn the_end_of_a_value_is_found() {
        for (value, rest) in [
            ("{}", ""),
            (" {\"a\" : [1, -2.5e+3, 0, 0.5, true, false, null, \"\\\"\"] } ", " "),
            ("[]]", "]"),
            ("12,", ","),
            ("0e5", ""),
            ("\"x\"y", "y"),
        ] {
            assert_eq!(lenient(value), Ok(value.len() - rest.len()), "{value}");
        }
    }

    #[test]
    fn every_prefix_of_a_value_is_incomplete() {
        let value = r#"{"a": [1.5e+3, -2, true, null, false, "x\u00e4\ud83d\ude00\n"], "b": {}}"#;
        for end in 0..value.len() {
            assert_eq!(lenient(&value[..end]), Err(JsonErrorKind::Incomplete), "{}", &value[..end]);
        }
    }

    #[test]
    fn invalid_json_is_refused() {
        for text in [
            "[1,]",
            "{\"a\":1,}",
            "{,}",
            "[,1]",
            "{\"a\" 1}",
            "{1:2}",
            "[}",
            "{]",
            "01x]",
            "+1",
            ".5",
            "1.x",
            "-x",
            "tru!",
            "nul ",
            "'a'",
            "{\"a\":1 \"b\":2}",
            "[1 2]",
            "}",
            "inf",
            "NaN",
        ] {
            let found = walk_value(text.as_bytes(), 0, MAX_DEPTH, &mut Lenient);
            let refused = match found {
                Ok(end) => end < text.len(),
                Err(error) => error.kind() == JsonErrorKind::Syntax,
            };
            assert!(refused, "{text}: {found:?}");
        }
        assert_eq!(lenient("\"a\u{1}b\""), Err(JsonErrorKind::ControlCharacter));
    }

    #[test]
    fn text_that_qemu_would_refuse_is_not_sent() {
        for (text, kind) in [
            ("[0e5]", JsonErrorKind::ZeroExponent),
            ("[-0E1]", JsonErrorKind::ZeroExponent),
            ("\"\u{FFFE}\"", JsonErrorKind::Noncharacter),
            (r#""\uffff""#, JsonErrorKind::Noncharacter),
            (r#"{"a": 1, "\u0061": 2}"#, JsonErrorKind::DuplicateMember),
            (r#"[{"b": {"a": 1, "c": {"a": 1}, "a": 2}}]"#, JsonErrorKind::DuplicateMember),
        ] {
            assert_eq!(strict(text), Err(kind), "{text}");
            assert!(lenient(text).is_ok(), "{text}");
        }
        assert!(strict(r#"{"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 1}], "c": 0.0e5}"#).is_ok());
    }

    #[test]
    fn the_depth_is_limited() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(lenient(&deep(1024)).is_ok());
        assert_eq!(lenient(&deep(1025)), Err(JsonErrorKind::TooDeep { limit: 1024 }));
        let found = walk_value(deep(4).as_bytes(), 0, 3, &mut Lenient);
        assert_eq!(found, Err(JsonError::new(JsonErrorKind::TooDeep { limit: 3 }, 3)));
    }

    #[test]
    fn the_offset_of_a_wrong_keyword_is_its_first_wrong_byte() {
        for (text, at) in [("nulx", 3), ("[trxe]", 3), ("falsy", 4)] {
            let error = walk_value(text.as_bytes(), 0, MAX_DEPTH, &mut Lenient).unwrap_err();
            assert_eq!((error.kind(), error.offset()), (JsonErrorKind::Syntax, at), "{text}");
        }
    }

    #[test]
    fn a_number_that_is_cut_off_is_incomplete() {
        for text in ["-", "1.", "1e", "1e+", "[1."] {
            assert_eq!(strict(text), Err(JsonErrorKind::Incomplete), "{text}");
        }
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn brackets_inside_strings_do_not_add_depth() {
        assert_eq!(depth_of(b"\"[[\""), 0);
        assert_eq!(depth_of(b"[{\"{{\": \"[\\\"[\"}, []]"), 2);
    }

    #[test]
    fn more_tokens_than_qemu_accepts_are_refused() {
        let many = |count: usize| std::format!("[{}1]", "1,".repeat(count - 1));
        assert!(strict(&many(1_048_575)).is_ok());
        let even = many(1_048_575).replace("1]", "[]]");
        assert!(strict(&even).is_ok(), "2,097,152 tokens");
        assert_eq!(strict(&many(1_048_577)), Err(JsonErrorKind::TooManyTokens));
    }
}
