//! Rust types on both ends, through serde.

mod command;
mod decode;
mod empty;

pub use command::{Command, TypedEvent};
pub use decode::{DECODE_DEPTH, DecodeError};
pub use empty::Empty;
