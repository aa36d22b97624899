//! A QMP client for QEMU, the storage daemon and the guest agent, on smol and on anything else that
//! is built on futures-io, such as async-std or a bare `block_on`.
//!
//! ```no_run
//! fn main() -> Result<(), qmp_smol::Error> {
//!     smol::block_on(async {
//!         let qemu = qmp_smol::connect("unix:/run/vm.qmp").await?;
//!         println!("QEMU {}", qemu.version().unwrap_or_default());
//!         let resumed = qemu.event().named("RESUME");
//!         qemu.execute("cont").await?;
//!         println!("RESUME at {:?}", resumed.await?.timestamp());
//!         Ok(())
//!     })
//! }
//! ```
//!
//! - [`connect`] connects to QEMU or the storage daemon, [`connect_agent`] to a guest agent.
//!   [`builder`] sets deadlines and out-of-band execution, [launches](Builder::launch) QEMU,
//!   accepts a connection from QEMU on a [`Listener`], or takes any other stream.
//! - [`Client::execute`] runs a command by name, [`call`](Client::call) a typed one, from any
//!   number of tasks. Commands can pass file descriptors.
//! - [`Client::event`] waits for one event, [`Client::events`] subscribes to many.
//! - [`server()`] is the other side of the protocol: it serves clients.
//! - [`Error`] distinguishes an error reply from a deadline and from a lost connection, and states
//!   whether the command may have been executed.
//!
//! async-io starts a thread for sockets and timers when they are first used. Drivers run on another
//! thread, which the first connection starts and all share. To run the driver on an executor of the
//! program, use [`connect_unspawned`](Builder::connect_unspawned) and spawn it there:
//!
//! ```no_run
//! # async fn example(executor: &smol::Executor<'_>) -> Result<(), qmp_smol::Error> {
//! let (qemu, driver) = qmp_smol::builder().connect_unspawned("unix:/run/vm.qmp").await?;
//! executor.spawn(driver).detach();
//! qemu.ready().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Typed commands and events
//!
//! [`types`] has every command, event and type of QEMU and its guest agent, behind the feature `types`,
//! which is on by default.
//!
//! ```
//! # #[cfg(all(unix, feature = "types"))]
//! # fn main() -> Result<(), qmp_smol::Error> { smol::block_on(async {
//! use qmp_smol::TypedItem;
//! use qmp_smol::types::{Cont, QueryStatus, RunState, events};
//!
//! # let listener = qmp_smol::Listener::bind("tcp:127.0.0.1:0").await?;
//! # let address = listener.local_address().clone();
//! # smol::spawn(async move {
//! #     let mut commands = qmp_smol::server().accept(&listener).await?;
//! #     while let Some(request) = commands.recv().await {
//! #         match request.name() {
//! #             "query-status" => request.answer_json(r#"{"running": false, "status": "prelaunch"}"#)?,
//! #             _ => {
//! #                 commands.event_sender().emit("RESUME", &())?;
//! #                 request.return_empty();
//! #             }
//! #         }
//! #     }
//! #     Ok::<(), qmp_smol::Error>(())
//! # }).detach();
//! # let qemu = qmp_smol::connect(address).await?;
//! let status = qemu.call(&QueryStatus::new()).await?;
//! assert_eq!(status.status, RunState::Prelaunch);
//!
//! let mut events = qemu.events().subscribe().of::<events::Any>();
//! qemu.call(&Cont::new()).await?;
//! let Some(TypedItem::Event(resumed)) = events.recv().await else { panic!("the connection ended") };
//! assert_eq!(resumed.event.name(), "RESUME");
//! # Ok(())
//! # }) }
//! # #[cfg(not(all(unix, feature = "types")))]
//! # fn main() {}
//! ```

#![forbid(unsafe_code)]

mod clock;
mod executor;
#[cfg(unix)]
mod listener;
#[cfg(unix)]
mod socket;
mod stream;

use std::future::Future;
use std::io;
use std::time::Instant;

use qmp_driver::Runtime;

pub use qmp_driver::{
    AbortHandle, Address, AddressError, ArgumentError, Builder, Client, CloseReason, Command,
    ConnectError, DecodeError, Decoded, Deferred, Direction, Empty, EndedEarly, Error, ErrorClass,
    ErrorKind, Escaped, EscapedBytes, Event, EventData, EventItem, EventSet, EventWait, Execute,
    Expected, IntoAddress, MemberValue, Operation, Options, Outcome, OwnedEvent, OwnedFailure,
    OwnedGreeting, OwnedReply, PersistentItem, PersistentSubscription, Raw, RawJson, Reply,
    ResponseKind, Socket, SocketError, State, Subscription, SubscriptionBuilder, Timeout,
    Timestamp, Typed, TypedEvent, TypedItem, TypedPersistentItem, TypedPersistentSubscription,
    TypedSubscription, Untyped, Version, event_set, qmp_proto, qmp_sockets, server,
};
#[cfg(unix)]
pub use qmp_driver::{Deadline, Launch, LaunchError, Process, ProcessExited};
#[cfg(feature = "types")]
#[doc(inline)]
pub use qmp_types as types;

#[cfg(unix)]
pub use listener::Listener;
#[cfg(unix)]
pub use socket::SocketTransport;
pub use stream::StreamTransport;

/// Connects to a monitor: QEMU or the storage daemon. See [`Address`] for the forms that an address
/// can take.
///
/// Connecting and the handshake have a deadline of 10 seconds each; [`builder`] sets others.
///
/// Cancel-safe: if the future is dropped before it completes, the connection is closed.
///
/// # Errors
///
/// Returns an error if the address cannot be parsed, if nothing listens there, or if no greeting
/// arrives before the deadline, for example because another client is connected. The error states
/// which, and what to do.
pub async fn connect(address: impl IntoAddress) -> Result<Client, Error> {
    builder().connect(address).await
}

/// Connects to a guest agent and syncs with it.
///
/// # Errors
///
/// Returns the same errors as [`connect`].
pub async fn connect_agent(address: impl IntoAddress) -> Result<Client, Error> {
    builder().agent().connect(address).await
}

/// Returns a builder, for everything that differs from the defaults.
///
/// ```no_run
/// # use std::time::Duration;
/// # async fn example() -> Result<(), qmp_smol::Error> {
/// let qemu = qmp_smol::builder()
///     .out_of_band()
///     .handshake_timeout(Duration::from_secs(60))
///     .connect("tcp:localhost:4444")
///     .await?;
/// # Ok(())
/// # }
/// ```
pub fn builder() -> Builder<Smol> {
    Builder::default()
}

/// Returns a builder for servers: the other side of QMP, for virtual machine monitors, mock servers
/// and proxies. See the module [`server`](mod@server).
///
/// ```
/// # #[cfg(unix)]
/// fn main() -> Result<(), qmp_smol::Error> {
///     smol::block_on(async {
///         let listener = qmp_smol::Listener::bind("tcp:127.0.0.1:0").await?;
///         let address = listener.local_address().clone();
///         let serving = smol::spawn(async move {
///             let mut commands = qmp_smol::server().accept(&listener).await?;
///             while let Some(request) = commands.recv().await {
///                 match request.name() {
///                     "query-name" => request.answer_json(r#"{"name": "vm1"}"#)?,
///                     _ => request.command_not_found(),
///                 }
///             }
///             Ok::<(), qmp_smol::Error>(())
///         });
///         serving.detach();
///
///         let vmm = qmp_smol::connect(address).await?;
///         let name = vmm.execute("query-name").await?;
///         assert_eq!(name.json()?.as_str(), r#"{"name": "vm1"}"#);
///         Ok(())
///     })
/// }
/// # #[cfg(not(unix))]
/// # fn main() {}
/// ```
pub fn server() -> server::Builder<Smol> {
    server::Builder::default()
}

/// What a runtime implements, and what runs a connection. Most programs do not need it.
pub mod driver {
    pub use qmp_driver::{BorrowedDescriptor, Descriptor, Driver, Runtime, Transport};
}

/// The smol runtime, for [`Builder`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Smol;

impl Runtime for Smol {
    #[cfg(unix)]
    type Transport = SocketTransport;
    #[cfg(not(unix))]
    type Transport = StreamTransport<async_io::Async<std::net::TcpStream>>;
    #[cfg(unix)]
    type Listener = Listener;
    #[cfg(not(unix))]
    type Listener = qmp_sockets::Listener;

    #[cfg(unix)]
    fn transport(&self, socket: Socket) -> io::Result<SocketTransport> {
        SocketTransport::new(socket)
    }

    #[cfg(not(unix))]
    fn transport(&self, socket: Socket) -> io::Result<Self::Transport> {
        let stream = std::net::TcpStream::from(socket);
        Ok(StreamTransport::new(async_io::Async::new(stream)?))
    }

    fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send {
        blocking::unblock(work)
    }

    async fn sleep_until(&self, at: Instant) {
        async_io::Timer::at(at).await;
    }

    #[cfg(unix)]
    async fn accept(
        &self,
        listener: &Listener,
        deadline: Option<Instant>,
    ) -> Result<(Socket, Address), ConnectError> {
        listener.accept_until(deadline).await
    }

    /// Polls the listener every 20 ms: there is no way to register it with the runtime on this
    /// platform.
    #[cfg(not(unix))]
    async fn accept(
        &self,
        listener: &qmp_sockets::Listener,
        deadline: Option<Instant>,
    ) -> Result<(Socket, Address), ConnectError> {
        let address = listener.local_address();
        let started = Instant::now();
        loop {
            match listener.try_accept() {
                Ok(socket) => return Ok((socket, address.clone())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(ConnectError::listening(address, error)),
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(ConnectError::nobody_connected(address, started.elapsed()));
            }
            async_io::Timer::after(std::time::Duration::from_millis(20)).await;
        }
    }

    fn has_own_threads(&self) -> bool {
        true
    }

    fn spawn<T: Send + 'static>(&self, driver: impl Future<Output = T> + Send + 'static) {
        executor::spawn(driver);
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
