//! Reads QEMU's schema files of one version.

mod comment;
mod definition;
mod schema;
mod syntax;

pub(crate) use comment::Version;
pub(crate) use definition::{Arguments, Definition, Kind, Member, Struct, Type, Value};
pub(crate) use schema::Schema;
