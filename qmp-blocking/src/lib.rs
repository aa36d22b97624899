//! A QMP client for blocking code, without a runtime and without threads of its own.
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
//! - [`connect`] connects to QEMU or the storage daemon, [`connect_agent`] to a guest agent.
//!   [`builder()`] sets deadlines and out-of-band execution, [launches](Builder::launch) QEMU,
//!   accepts a connection from QEMU on a [`Listener`], or takes any other stream.
//! - [`Client::execute`] runs a command by name, [`call`](Client::call) a typed one. Several
//!   commands can be sent or queued before waiting for the first reply. Commands can pass file
//!   descriptors.
//! - [`Client::event`] waits for one event, [`Client::events`] subscribes to many.
//! - [`server()`] is the other side of the protocol: it serves clients.
//! - [`Error`] distinguishes an error reply from a deadline and from a lost connection, and states
//!   whether the command may have been executed.
//!
//! The engine is the one of the asynchronous clients and runs on the calling thread. The names are
//! the same, with `run` in place of `await`. (There is one exception: a host name is resolved on a
//! temporary thread if there is a deadline, because the system's resolver cannot be interrupted.)
//!
//! # Typed commands and events
//!
//! [`types`] has every command, event and type of QEMU and its guest agent, behind the feature `types`,
//! which is on by default.
//!
//! ```
//! # #[cfg(all(unix, feature = "types"))]
//! # fn main() -> Result<(), qmp_blocking::Error> {
//! use qmp_blocking::TypedItem;
//! use qmp_blocking::types::{Cont, QueryStatus, RunState, events};
//!
//! # let listener = qmp_blocking::Listener::bind("tcp:127.0.0.1:0")?;
//! # let address = listener.local_address().clone();
//! # let serving = std::thread::spawn(move || {
//! #     let mut commands = qmp_blocking::server().accept(&listener)?;
//! #     while let Some(request) = commands.recv()? {
//! #         match request.name() {
//! #             "query-status" => request.answer_json(r#"{"running": false, "status": "prelaunch"}"#)?,
//! #             _ => {
//! #                 commands.event_sender().emit("RESUME", &())?;
//! #                 request.return_empty();
//! #             }
//! #         }
//! #     }
//! #     Ok::<(), qmp_blocking::Error>(())
//! # });
//! # let qemu = qmp_blocking::connect(address)?;
//! let status = qemu.call(&QueryStatus::new()).run()?;
//! assert_eq!(status.status, RunState::Prelaunch);
//!
//! let mut events = qemu.events().subscribe().of::<events::Any>();
//! qemu.call(&Cont::new()).run()?;
//! let Some(TypedItem::Event(resumed)) = events.recv() else { panic!("the connection ended") };
//! assert_eq!(resumed.event.name(), "RESUME");
//! # Ok(())
//! # }
//! # #[cfg(not(all(unix, feature = "types")))]
//! # fn main() {}
//! ```

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
pub use stream::{BlockingStream, Stream};
pub use thread::Thread;

pub use qmp_driver::{
    self, AbortHandle, Address, AddressError, ArgumentError, CloseReason, Command, ConnectError,
    DecodeError, Decoded, Deferred, Direction, Empty, EndedEarly, Error, ErrorClass, ErrorKind,
    Escaped, EscapedBytes, Event, EventData, EventItem, EventSet, Expected, IntoAddress,
    MemberValue, Operation, Options, Outcome, OwnedEvent, OwnedFailure, OwnedGreeting, OwnedReply,
    PersistentItem, Raw, RawJson, Reply, ResponseKind, Socket, SocketError, State, Timeout,
    Timestamp, Typed, TypedEvent, TypedItem, TypedPersistentItem, Untyped, Version, event_set,
    qmp_proto, qmp_sockets,
};
#[cfg(unix)]
pub use qmp_driver::{Deadline, Launch, LaunchError, Process, ProcessExited};
pub use qmp_sockets::{Interest, Listener};
#[cfg(feature = "types")]
#[doc(inline)]
pub use qmp_types as types;

/// A command, created by [`Client::execute`], [`call`](Client::call) or [`raw`](Client::raw) and
/// run by [`run`](qmp_driver::Execute::run).
pub type Execute<'c, S = Socket, R = Untyped> = qmp_driver::Execute<R, &'c Thread<S>>;
/// The pending reply to a command that was [sent](qmp_driver::Execute::send).
pub type PendingReply<'c, S = Socket, R = Untyped> = qmp_driver::PendingReply<&'c Thread<S>, R>;
/// A wait for one event, created by [`Client::event`].
pub type EventWait<'c, S = Socket> = qmp_driver::EventWait<'c, &'c Thread<S>>;
/// Builds subscriptions; created by [`Client::events`].
pub type SubscriptionBuilder<'c, S = Socket> = qmp_driver::SubscriptionBuilder<'c, &'c Thread<S>>;
/// A subscription to the events of one connection.
pub type Subscription<'c, S = Socket> = qmp_driver::Subscription<&'c Thread<S>>;
/// A subscription whose events are decoded to one type.
pub type TypedSubscription<'c, E, S = Socket> = qmp_driver::TypedSubscription<E, &'c Thread<S>>;
/// A subscription to the events of all connections of a client.
pub type PersistentSubscription<'c, S = Socket> = qmp_driver::PersistentSubscription<&'c Thread<S>>;
/// A persistent subscription whose events are decoded to one type.
pub type TypedPersistentSubscription<'c, E, S = Socket> =
    qmp_driver::TypedPersistentSubscription<E, &'c Thread<S>>;

/// Connects to a monitor: QEMU or the storage daemon. See [`Address`] for the forms that an address
/// can take.
///
/// Connecting and the handshake have a deadline of 10 seconds each; [`builder()`] sets others.
///
/// # Errors
///
/// Returns an error if the address cannot be parsed, if nothing listens there, or if no greeting
/// arrives before the deadline, for example because another client is connected. The error states
/// which, and what to do.
pub fn connect(address: impl IntoAddress) -> Result<Client, Error> {
    builder().connect(address)
}

/// Connects to a guest agent and syncs with it.
///
/// # Errors
///
/// Returns the same errors as [`connect`].
pub fn connect_agent(address: impl IntoAddress) -> Result<Client, Error> {
    builder().agent().connect(address)
}

/// Returns a builder, for everything that differs from the defaults.
pub fn builder() -> Builder {
    Builder::default()
}

/// Returns a builder for servers: the other side of QMP, for virtual machine monitors, mock servers
/// and proxies. See the module [`server`](mod@server).
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
///                 _ => request.command_not_found(),
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
