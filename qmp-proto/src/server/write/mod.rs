//! Writing a server's messages in QEMU's format: ASCII, one message per line, with a blank after
//! each comma and colon.

mod double;
mod escape;
mod layout;
mod message;

pub(super) use escape::push_escaped;
pub(super) use layout::{Numbers, lay_out_compact};
pub(super) use message::{Form, Message};
