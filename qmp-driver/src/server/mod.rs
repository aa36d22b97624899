//! The server's side: a client connects, its commands come in, answers and events go out.
//!
//! For virtual machine monitors that speak QMP, mock servers, proxies and tests. The adapters'
//! `server()` makes a [`Builder`], and that [`Commands`], one for each client that was accepted:
//!
//! ```no_run
//! # use qmp_driver::{Error, ErrorClass, Runtime, server};
//! # async fn example<R: Runtime>(
//! #     builder: server::Builder<R>,
//! #     listener: R::Listener,
//! # ) -> Result<(), Error> {
//! loop {
//!     // One client at a time, as QEMU does: the next waits until this one has left.
//!     let mut commands = builder.accept(&listener).await?;
//!     while let Some(request) = commands.recv().await {
//!         match request.name() {
//!             "query-name" => request.answer_json(r#"{"name": "vm1"}"#)?,
//!             "stop" => {
//!                 commands.emitter().emit("STOP", &())?;
//!                 request.done();
//!             }
//!             _ => request.not_found(),
//!         }
//!     }
//! }
//! # }
//! ```
//!
//! For many clients at once, spawn a task for each that was accepted. Whoever tells all of them of
//! an event keeps a list of their [`Emitter`]s.
//!
//! # What a client can do to its server
//!
//! Little: while it has as many commands unanswered as it may (one, unless it has enabled `oob` or
//! [options](Builder::options) say otherwise), or a mebibyte of answers waits for it, nothing is
//! read from it. Messages that are too long or too deep are refused, and no memory is kept for them.
//!
//! Events are another matter, for it is not the client who makes them. QMP promises that none is
//! lost while the client is connected, and QEMU keeps without bound what a client does not read. So
//! here none is dropped, either; instead, a client that has let 16 MiB of them pile up
//! ([`Builder::most_unsent`]) is [hung up on](Hangup::NotReading). It will notice, connect anew and
//! ask for the state, as it has to after any loss.

mod builder;
mod commands;
mod connection;
mod driver;
mod emitter;
mod hangup;
mod request;

pub use builder::Builder;
pub use commands::Commands;
pub use driver::Driver;
pub use emitter::Emitter;
pub use hangup::Hangup;
pub use request::Request;

pub use qmp_proto::server::{Options, Response};
