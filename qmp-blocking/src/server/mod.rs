//! The server's side: a client connects, its commands come in, answers and events go out.
//!
//! [`server()`](crate::server()) makes a [`Builder`], and that [`Commands`], one for each client.
//!
//! ```no_run
//! use qmp_blocking::Listener;
//!
//! fn main() -> Result<(), qmp_blocking::Error> {
//!     let listener = Listener::bind("unix:/run/vm.qmp")?;
//!     loop {
//!         // One client at a time, as QEMU does: the next waits until this one has left.
//!         let mut commands = qmp_blocking::server().accept(&listener)?;
//!         while let Some(request) = commands.recv()? {
//!             match request.name() {
//!                 "query-name" => request.answer_json(r#"{"name": "vm1"}"#)?,
//!                 "stop" => {
//!                     commands.emitter().emit("STOP", &())?;
//!                     request.done();
//!                 }
//!                 _ => request.not_found(),
//!             }
//!         }
//!     }
//! }
//! ```
//!
//! Serve many clients at once with a thread for each.
//!
//! Nothing is read between calls, so what a client sends in the meantime waits in the socket. While a
//! client is at its limit of unanswered commands (one, unless it has enabled `oob` or
//! [options](Builder::options) say otherwise), nothing is read from it.
//!
//! QMP promises that no event is lost while the client is connected, so none is dropped; instead, the
//! connection of a client that lets 16 MiB of them pile up ([`Builder::most_unsent`]) is
//! [closed](Hangup::NotReading).

mod builder;
mod commands;

pub use builder::Builder;
pub use commands::Commands;

pub use qmp_driver::server::{Emitter, Hangup, Options, Request, Response};
