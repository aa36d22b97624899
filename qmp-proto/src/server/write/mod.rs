//! What a server says, as QEMU writes it: ASCII, one message a line, a blank behind each comma and
//! colon.

mod double;
mod escape;
mod layout;
mod message;

pub(super) use escape::push_escaped;
pub(super) use layout::{Numbers, lay_out_compact};
pub(super) use message::{Form, Message};
