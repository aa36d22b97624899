//! A QMP client for plain blocking code: one owner, no threads, no runtime.
//!
//! (One thread for a moment, where a host name is to be looked up within a deadline: the system's
//! look-up cannot be interrupted.)
//!
//! ```no_run
//! use qmp_blocking::Connection;
//!
//! fn main() -> Result<(), qmp_blocking::Error> {
//!     let mut qemu = Connection::connect("unix:/run/vm.qmp")?;
//!     println!("QEMU {}", qemu.version().unwrap_or_default());
//!     qemu.execute("cont").run()?;
//!     let event = qemu.event().named("RESUME").wait()?;
//!     println!("{} at {:?}", event.name(), event.timestamp());
//!     Ok(())
//! }
//! ```
//!
//! - [`Connection::connect`] to QEMU or the storage daemon, [`Connection::connect_agent`] to a guest
//!   agent; [`Connection::builder`] for deadlines, out-of-band execution, a QEMU to
//!   [launch](Builder::launch), a [`Listener`] that QEMU connects to, or any other stream.
//! - [`execute`](Connection::execute) commands by name, or [`call`](Connection::call) typed ones;
//!   send or queue several before waiting for the first; pass descriptors.
//! - [`event`](Connection::event) waits for events, or looks without waiting. Events are kept, in
//!   order and in bounded memory, while answers are awaited.
//! - [`server()`] is the other side: it serves clients.
//! - [`Error`] tells a server's error from a deadline and from a lost connection, and whether the
//!   command may have been done all the same.
//!
//! The protocol is [`qmp_proto`]'s and the sockets are [`qmp_sockets`]'; both are re-exported, so a
//! program depends on this crate alone.

mod answer;
mod builder;
mod connection;
mod drive;
mod event;
mod execute;
mod handshake;
mod raw;
mod receive;
mod sent;
pub mod server;
mod shutdown;
mod starting;
mod stream;
mod submit;
mod wire;

pub use builder::Builder;
pub use connection::Connection;
pub use event::EventWait;
pub use execute::Execute;
pub use raw::Raw;
pub use sent::Sent;
pub use shutdown::ShutdownHandle;
pub use stream::{Interest, NoDeadline, Readiness, Stream};

pub use qmp_proto::{
    self, Address, AddressError, Command, DecodeError, ErrorClass, Json, Options, OwnedEvent,
    OwnedFailure, OwnedGreeting, OwnedReply, Timestamp, TypedEvent, Version,
};
pub use qmp_sockets::{
    self, Cause, ConnectError, Direction, Disconnect, Error, IntoAddress, Listener, Outcome,
    Response, Socket, Typed, Untyped,
};
#[cfg(unix)]
pub use qmp_sockets::{Launch, Process};

/// Serves clients: the other side of QMP, for virtual machine monitors, mock servers and proxies.
/// The module [`server`](mod@server) tells more.
///
/// ```
/// use qmp_blocking::{Connection, Listener};
///
/// fn main() -> Result<(), qmp_blocking::Error> {
///     let listener = Listener::bind("tcp:127.0.0.1:0")?;
///     let address = listener.local_address().clone();
///     let serving = std::thread::spawn(move || {
///         let mut client = qmp_blocking::server().accept(&listener)?;
///         while let Some(request) = client.next_command(None)? {
///             match request.name() {
///                 "query-name" => client.answer_json(request, r#"{"name": "vm1"}"#)?,
///                 _ => client.not_found(request)?,
///             }
///         }
///         Ok::<(), qmp_blocking::Error>(())
///     });
///
///     let mut vmm = Connection::connect(address)?;
///     let name = vmm.execute("query-name").run()?;
///     assert_eq!(name.json()?.as_str(), r#"{"name": "vm1"}"#);
///     vmm.close()?;
///     serving.join().expect("the server has not panicked")
/// }
/// ```
pub fn server() -> server::Builder {
    server::Builder::default()
}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
