//! Rust types on both ends, through serde.

mod command;
mod decode;

pub use command::{Command, TypedEvent};
pub use decode::{DECODE_DEPTH, DecodeError};
