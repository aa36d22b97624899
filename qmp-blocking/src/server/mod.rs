//! The server's side: a client connects, its commands come in, answers and events go out.
//!
//! [`server()`](crate::server()) makes a [`Builder`], and that a [`Connection`] for each client.
//!
//! ```no_run
//! use qmp_blocking::{ErrorClass, Listener};
//!
//! fn main() -> Result<(), qmp_blocking::Error> {
//!     let listener = Listener::bind("unix:/run/vm.qmp")?;
//!     loop {
//!         // One client at a time, as QEMU does: the next waits until this one has left.
//!         let mut client = qmp_blocking::server().accept(&listener)?;
//!         while let Some(request) = client.next_command(None)? {
//!             match request.name() {
//!                 "query-name" => client.answer_json(request, r#"{"name": "vm1"}"#)?,
//!                 "stop" => {
//!                     client.emit("STOP", &())?;
//!                     client.done(request)?;
//!                 }
//!                 _ => client.not_found(request)?,
//!             }
//!         }
//!     }
//! }
//! ```
//!
//! For many clients at once, take a thread for each.
//!
//! Nothing is read or written between calls, so what a client sends in the meantime waits in the
//! socket, and what could not be written at once is written by the next call. While a client has as
//! many commands unanswered as it may (one, unless it has enabled `oob` or
//! [options](Builder::options) say otherwise), nothing is read from it.
//!
//! QMP promises that no event is lost while the client is connected, so none is dropped; instead, a
//! client that lets 16 MiB of them pile up ([`Builder::most_unsent`]) is
//! [hung up on](Hangup::NotReading).

mod answer;
mod builder;
mod connection;
mod drive;
mod emit;
mod request;

pub use builder::Builder;
pub use connection::Connection;
pub use request::Request;

pub use qmp_proto::server::{Options, Response};
pub use qmp_sockets::Hangup;
