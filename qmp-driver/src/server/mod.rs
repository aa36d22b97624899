//! The server side of QMP: receives the commands of clients, and sends replies and events.
//!
//! It is meant for virtual machine monitors that speak QMP, mock servers, proxies and tests. The
//! `server()` function of an adapter creates a [`Builder`], which creates one [`ClientConnection`] for each
//! client:
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
//!                 commands.event_sender().emit("STOP", &())?;
//!                 request.return_empty();
//!             }
//!             _ => request.command_not_found(),
//!         }
//!     }
//! }
//! # }
//! ```
//!
//! To serve many clients at once, spawn a task for each client. To send an event to all of them,
//! keep a list of their [`EventSender`]s.
//!
//! # Untrusted clients
//!
//! Nothing is read from a client while it is at its limit of unanswered commands, or while 1 MiB of
//! replies is buffered for it. The limit is one command, or nine once the client has enabled `oob`,
//! and can be changed with [options](Builder::options). Messages that are too long or nested too
//! deeply get an error reply and take no memory.
//!
//! Events are not caused by the client, so they need a limit of their own. QMP guarantees that no
//! event is lost while the client is connected, and QEMU buffers events without a limit. This
//! server does not drop events either. Instead, it [closes the connection](CloseReason::NotReading) when
//! more than 16 MiB of events are buffered for a client ([`Builder::unsent_limit`]). The client then
//! has to reconnect and query the state, as after any lost connection.

mod builder;
mod client_connection;
mod close_reason;
mod connection;
mod driver;
mod event_sender;
mod request;

pub use builder::Builder;
pub use client_connection::ClientConnection;
pub use close_reason::CloseReason;
pub use driver::Driver;
pub use event_sender::EventSender;
pub use request::Request;

pub use qmp_proto::server::{Options, Response};
