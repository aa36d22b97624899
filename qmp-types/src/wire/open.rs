//! Decoding of enums, which accept unknown values, and of alternates with unknown forms.

use core::fmt;
use core::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Decodes an enum from a string.
pub(crate) struct EnumVisitor<T>(&'static str, PhantomData<T>);

impl<T> EnumVisitor<T> {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self(name, PhantomData)
    }
}

impl<T: for<'a> From<&'a str>> Visitor<'_> for EnumVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(T::from(text))
    }
}

/// Decodes an object that matches no form.
pub(crate) fn value_of_map<'de, A: MapAccess<'de>>(map: A) -> Result<Value, A::Error> {
    Value::deserialize(MapAccessDeserializer::new(map))
}

/// Decodes a list that matches no form.
pub(crate) fn value_of_seq<'de, A: SeqAccess<'de>>(list: A) -> Result<Value, A::Error> {
    Value::deserialize(SeqAccessDeserializer::new(list))
}
