//! Finding the member that an object has twice.

use std::collections::BTreeSet;
use std::fmt;

use qmp_proto::{JsonError, JsonErrorKind};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::ErrorKind;

/// Returns the error of a text that was refused, with the name of a member that is there twice.
pub(crate) fn refused(error: JsonError, text: &str) -> ErrorKind {
    let name = match error.kind() {
        JsonErrorKind::DuplicateMember => duplicate_member(text),
        _ => None,
    };
    name.map_or(ErrorKind::Json(error), |name| ErrorKind::DuplicateMember { name })
}

/// Returns the first member that an object in this text has twice. Objects that are nested deeper
/// than serde_json follows are not searched.
fn duplicate_member(text: &str) -> Option<String> {
    let mut found = None;
    let _ = Search(&mut found).deserialize(&mut serde_json::Deserializer::from_str(text));
    found
}

struct Search<'f>(&'f mut Option<String>);

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if names.contains(&name) {
                *self.0 = Some(name);
                return Err(A::Error::custom("found"));
            }
            names.insert(name);
            map.next_value_seed(Search(self.0))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Search(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_member_that_is_there_twice_is_found_at_any_level() {
        let find = |text| duplicate_member(text);
        assert_eq!(find(r#"{"a": 1, "b": [true, {"c": null, "\u0063": 1.5}]}"#).unwrap(), "c");
        assert_eq!(find(r#"{"x": "y", "x": -2}"#).unwrap(), "x");
        assert_eq!(find(r#"{"a": {"a": {"b": 1}}, "b": 1}"#), None);
        assert_eq!(find("nonsense"), None);
    }
}
