//! A QMP client for plain blocking code: one owner, no threads, no runtime.
//!
//! ```no_run
//! fn main() -> Result<(), qmp_blocking::Error> {
//!     let qemu = qmp_blocking::connect("unix:/run/vm.qmp")?;
//!     println!("QEMU {}", qemu.version().unwrap_or_default());
//!     let resumed = qemu.event().named("RESUME");
//!     qemu.execute("cont").run()?;
//!     println!("RESUME at {:?}", resumed.run()?.timestamp());
//!     Ok(())
//! }
//! ```
//!
//! - [`connect`] to QEMU or the storage daemon, [`connect_agent`] to a guest agent; [`builder()`] for
//!   deadlines, out-of-band execution, a QEMU to [launch](Builder::launch), a [`Listener`] that QEMU
//!   connects to, or any other stream.
//! - [`Client::execute`] commands by name, or [`call`](Client::call) typed ones; send or queue several
//!   before waiting for the first; pass file descriptors.
//! - [`Client::event`] waits for one event, [`Client::events`] subscribes to many.
//! - [`server()`] is the other side: it serves clients.
//! - [`Error`] tells a server's error from a deadline and from a lost connection, and whether the
//!   command may have been executed all the same.
//!
//! The engine is that of the asynchronous clients, run on the thread that waits: the names are the
//! same, with `run` in the place of `await`. (One other thread exists for a moment, where a host name
//! is looked up within a deadline, since the system's look-up cannot be interrupted.)

#![forbid(unsafe_code)]

#[macro_use]
mod forward;

mod builder;
mod client;
pub mod server;
mod stream;
mod thread;
mod transport;

pub use builder::Builder;
pub use client::Client;
pub use stream::{BlockingStream, Interest, Stream};
pub use thread::Thread;

pub use qmp_driver::{
    self, AbortHandle, Address, AddressError, Cause, Command, ConnectError, DecodeError, Deferred,
    Direction, Disconnect, Error, ErrorClass, Escaped, EscapedBytes, Event, EventItem, IntoAddress,
    Json, MemberValue, Operation, Options, Outcome, OwnedEvent, OwnedFailure, OwnedGreeting,
    OwnedReply, PersistentItem, Raw, Reply, Response, Socket, SocketError, State, Timeout,
    Timestamp, Typed, TypedEvent, Untyped, Version, qmp_proto, qmp_sockets,
};
#[cfg(unix)]
pub use qmp_driver::{Died, Launch, LaunchError, Process};
pub use qmp_sockets::Listener;

/// A command, made by [`Client::execute`], [`call`](Client::call) or [`raw`](Client::raw);
/// [`run`](qmp_driver::Execute::run) runs it.
pub type Execute<'c, S = Socket, R = Untyped> = qmp_driver::Execute<R, &'c Thread<S>>;
/// The answer to a command that was [sent](qmp_driver::Execute::send).
pub type PendingReply<'c, S = Socket, R = Untyped> = qmp_driver::PendingReply<&'c Thread<S>, R>;
/// A wait for one event, made by [`Client::event`].
pub type EventWait<'c, S = Socket> = qmp_driver::EventWait<'c, &'c Thread<S>>;
/// Makes subscriptions; made by [`Client::events`].
pub type SubscriptionBuilder<'c, S = Socket> = qmp_driver::SubscriptionBuilder<'c, &'c Thread<S>>;
/// A subscription to the events of one connection.
pub type Subscription<'c, S = Socket> = qmp_driver::Subscription<&'c Thread<S>>;
/// A subscription to the events of all connections of a client.
pub type PersistentSubscription<'c, S = Socket> = qmp_driver::PersistentSubscription<&'c Thread<S>>;

/// Connects to a monitor: of QEMU, of the storage daemon. The [`Address`] tells how it can be
/// written.
///
/// Connecting and the handshake have 10 seconds each; [`builder()`] sets others.
///
/// # Errors
///
/// If the address cannot be parsed, nothing listens there, or nothing greets in time, as when another
/// client is connected. The error says which, and what to do.
pub fn connect(address: impl IntoAddress) -> Result<Client, Error> {
    builder().connect(address)
}

/// Connects to a guest agent and syncs with it.
///
/// # Errors
///
/// As [`connect`].
pub fn connect_agent(address: impl IntoAddress) -> Result<Client, Error> {
    builder().agent().connect(address)
}

/// A builder, for everything that differs from the defaults.
pub fn builder() -> Builder {
    Builder::default()
}

/// Serves clients: the other side of QMP, for virtual machine monitors, mock servers and proxies.
/// The module [`server`](mod@server) tells more.
///
/// ```
/// use qmp_blocking::Listener;
///
/// fn main() -> Result<(), qmp_blocking::Error> {
///     let listener = Listener::bind("tcp:127.0.0.1:0")?;
///     let address = listener.local_address().clone();
///     let serving = std::thread::spawn(move || {
///         let mut commands = qmp_blocking::server().accept(&listener)?;
///         while let Some(request) = commands.recv()? {
///             match request.name() {
///                 "query-name" => request.answer_json(r#"{"name": "vm1"}"#)?,
///                 _ => request.not_found(),
///             }
///         }
///         Ok::<(), qmp_blocking::Error>(())
///     });
///
///     let vmm = qmp_blocking::connect(address)?;
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
#[doc = include_str!("../README.md")]
struct Readme;
