//! Code that all generated types share for decoding and encoding.

mod base64;
mod object;
mod open;
mod rest;

pub use base64::Base64;

pub(crate) use object::{
    CommandVisitor, Key, Members, Name, Object, ObjectVisitor, ReadObject, need, put, put_some,
    skip, skip_all,
};
pub(crate) use open::{EnumVisitor, value_of_map, value_of_seq};
pub(crate) use rest::Rest;

/// Implements serde's traits for an [`Object`].
macro_rules! objects {
    ($($name:ident)*) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_map(crate::wire::ObjectVisitor::new())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let mut map = to.serialize_map(None)?;
                crate::wire::Object::write(self, &mut map)?;
                serde::ser::SerializeMap::end(map)
            }
        }
    )*};
}

/// Implements serde's traits for a command without arguments, which is encoded as a unit.
macro_rules! bare_commands {
    ($($name:ident)*) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_any(crate::wire::CommandVisitor::new())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_unit_struct(stringify!($name))
            }
        }
    )*};
}

/// Implements serde's traits and `Display` for an enum with a variant for unknown values.
macro_rules! open_enums {
    ($($name:ident)*) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_str(crate::wire::EnumVisitor::new(stringify!($name)))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }
    )*};
}

pub(crate) use {bare_commands, objects, open_enums};
