//! Serializing JSON text.

use core::any::type_name;

use serde::ser::{Error, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::message::{OwnedRawJson, RawJson};

/// serde_json writes the text verbatim, including numbers too large for any Rust type, duplicate
/// members, and any depth. Other serializers receive the decoded value: then a number that does not
/// fit and more than [`DECODE_DEPTH`](crate::DECODE_DEPTH) levels are errors, and only the last of
/// duplicate members is kept.
///
/// ```
/// use qmp_proto::{RawJson, OwnedRawJson};
///
/// let node = RawJson::parse(r#"{"size": 1e400}"#)?;
/// let arguments = OwnedRawJson::serialize(&[("node", node)])?;
/// assert_eq!(arguments.as_json().as_str(), r#"[["node",{"size": 1e400}]]"#);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
impl Serialize for RawJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if is_serde_json::<S>() {
            let raw = serde_json::from_str::<&RawValue>(self.as_str());
            raw.map_err(S::Error::custom)?.serialize(serializer)
        } else {
            let value = self.decode::<Value>();
            value.map_err(S::Error::custom)?.serialize(serializer)
        }
    }
}

/// As [`RawJson`].
impl Serialize for OwnedRawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_json().serialize(serializer)
    }
}

/// Returns whether the serializer is serde_json's. Other serializers would write its raw values as
/// a map with a strange name. If serde_json is not recognised, it receives the decoded value, which
/// is correct, too.
fn is_serde_json<S>() -> bool {
    type_name::<S>().trim_start_matches("&mut ").starts_with("serde_json::")
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    #[derive(serde::Serialize)]
    struct Outer<'a> {
        inner: RawJson<'a>,
        all: Vec<OwnedRawJson>,
    }

    #[test]
    fn serde_json_writes_the_text_verbatim_at_any_position() {
        let text = r#"{"a": 1e400, "a" : [ "\u00e9" ]}"#;
        let owned = OwnedRawJson::parse(text.into()).unwrap();
        let outer = Outer { inner: RawJson::parse(text).unwrap(), all: [owned].into() };
        let expected = std::format!(r#"{{"inner":{text},"all":[{text}]}}"#);
        assert_eq!(serde_json::to_string(&outer).unwrap(), expected);
        assert_eq!(serde_json::to_vec(&outer).unwrap(), expected.as_bytes());
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        assert_eq!(serde_json::to_string(&RawJson::parse(&deep).unwrap()).unwrap(), deep);
    }

    #[test]
    fn other_serializers_receive_the_value() {
        let json = RawJson::parse(r#"{"a": [1, "b"]}"#).unwrap();
        assert_eq!(serde_json::to_value(json).unwrap(), serde_json::json!({"a": [1, "b"]}));

        let text = RawJson::parse(r#""a\u0062""#).unwrap();
        assert_eq!(std::format!("{}", Shown(text)), "ab");
        let large = RawJson::parse("1e400").unwrap();
        assert!(std::fmt::write(&mut String::new(), format_args!("{}", Shown(large))).is_err());
    }

    /// A formatter is a serializer of scalars.
    struct Shown<'a>(RawJson<'a>);

    impl std::fmt::Display for Shown<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.serialize(f)
        }
    }
}
