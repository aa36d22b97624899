//! Typed commands, replies and events, through serde.

mod argument_error;
mod command;
mod decode;
mod event;
mod path;
mod serialize;

pub use argument_error::{ArgumentError, Expected};
pub use command::{Command, Empty};
pub use decode::{DECODE_DEPTH, DecodeError};
pub use event::{EventData, EventSet, TypedEvent};
