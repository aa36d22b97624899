//! A buffer for the members of a union's branch, until the tag is known.
//!
//! The buffer contains values instead of text. Parsing text again would restart the count of nesting
//! levels, so a peer could make the parser recurse without limit.

use alloc::string::String;
use alloc::vec::{IntoIter, Vec};
use core::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess};
use serde_json::Value;

use super::Object;

/// Members that are not decoded yet.
pub(crate) struct Rest<E> {
    members: Vec<(String, Value)>,
    error: PhantomData<E>,
}

impl<E: Error> Rest<E> {
    pub(crate) const fn new() -> Self {
        Self { members: Vec::new(), error: PhantomData }
    }

    /// Buffers a member.
    pub(crate) fn keep<'de, A: MapAccess<'de, Error = E>>(
        &mut self,
        name: String,
        map: &mut A,
    ) -> Result<(), E> {
        let value = map.next_value()?;
        self.members.push((name, value));
        Ok(())
    }

    /// Decodes a branch whose members are next to the tag.
    pub(crate) fn read<T: Object>(self) -> Result<T, E> {
        T::read(&mut Buffered { members: self.members.into_iter(), value: None, error: self.error })
    }

    /// Decodes a branch that is in the member `data`.
    pub(crate) fn data<T: for<'de> Deserialize<'de>>(self) -> Result<T, E> {
        let data = self.members.into_iter().find(|(name, _)| name == "data");
        let (_, value) = data.ok_or_else(|| E::missing_field("data"))?;
        T::deserialize(value).map_err(E::custom)
    }
}

struct Buffered<E> {
    members: IntoIter<(String, Value)>,
    value: Option<Value>,
    error: PhantomData<E>,
}

impl<'de, E: Error> MapAccess<'de> for Buffered<E> {
    type Error = E;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, E> {
        let Some((name, value)) = self.members.next() else { return Ok(None) };
        self.value = Some(value);
        let name: StringDeserializer<E> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, E> {
        seed.deserialize(self.value.take().unwrap_or_default()).map_err(E::custom)
    }
}
