//! The members of a union that belong to its branch, kept until its tag is known.
//!
//! They are kept as values, and not as text to be read again: reading a text again would begin
//! counting its levels anew, so nothing would bound how deep a peer lets us recurse.

use alloc::string::String;
use alloc::vec::{IntoIter, Vec};
use core::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess};
use serde_json::Value;

use super::Object;

/// Members that are not read yet.
pub(crate) struct Rest<E> {
    members: Vec<(String, Value)>,
    error: PhantomData<E>,
}

impl<E: Error> Rest<E> {
    pub(crate) const fn new() -> Self {
        Self { members: Vec::new(), error: PhantomData }
    }

    /// Keeps the value of a member.
    pub(crate) fn keep<'de, A: MapAccess<'de, Error = E>>(
        &mut self,
        name: String,
        map: &mut A,
    ) -> Result<(), E> {
        let value = map.next_value()?;
        self.members.push((name, value));
        Ok(())
    }

    /// Reads a branch whose members stand beside the tag.
    pub(crate) fn read<T: Object>(self) -> Result<T, E> {
        T::read(&mut Kept { members: self.members.into_iter(), value: None, error: self.error })
    }

    /// Reads a branch that stands in the member `data`.
    pub(crate) fn data<T: for<'de> Deserialize<'de>>(self) -> Result<T, E> {
        let data = self.members.into_iter().find(|(name, _)| name == "data");
        let (_, value) = data.ok_or_else(|| E::missing_field("data"))?;
        T::deserialize(value).map_err(E::custom)
    }
}

struct Kept<E> {
    members: IntoIter<(String, Value)>,
    value: Option<Value>,
    error: PhantomData<E>,
}

impl<'de, E: Error> MapAccess<'de> for Kept<E> {
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
