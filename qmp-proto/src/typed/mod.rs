//! Typed commands, replies and events, through serde.

mod argument_error;
mod command;
mod decode;
mod empty;
mod event;
mod path;
mod serialize;

pub use argument_error::{ArgumentError, Expected};
pub use command::Command;
pub use decode::{DECODE_DEPTH, DecodeError};
pub use empty::Empty;
pub use event::{EventData, EventSet, TypedEvent};
