//! The server side of QMP: receives the commands of clients, and sends replies and events.
//!
//! [`server()`](crate::server()) creates a [`Builder`], which creates one [`ClientConnection`] for each
//! client.
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
//!                     commands.event_sender().emit("STOP", &())?;
//!                     request.return_empty();
//!                 }
//!                 _ => request.command_not_found(),
//!             }
//!         }
//!     }
//! }
//! ```
//!
//! To serve many clients at once, use a thread for each.
//!
//! Nothing is read between calls: what a client sends in the meantime stays in the socket's buffer.
//! Nothing is read either while a client is at its limit of unanswered commands. The limit is one,
//! or nine once the client has enabled `oob`, and can be changed with [options](Builder::options).
//!
//! QMP guarantees that no event is lost while the client is connected, so events are never dropped.
//! Instead, the connection is [closed](CloseReason::NotReading) when more than 16 MiB of events are
//! buffered for a client ([`Builder::unsent_limit`]).

mod builder;

use qmp_driver::Socket;

use crate::Thread;

pub use builder::Builder;
pub use qmp_driver::server::{CloseReason, EventSender, Options, Request, Response};

/// The commands of one client: the server's end of the connection to it.
pub type ClientConnection<S = Socket> = qmp_driver::server::ClientConnection<Thread<S>>;
