//! A QMP client for QEMU, the storage daemon and the guest agent, on tokio.
//!
//! ```no_run
//! #[tokio::main]
//! async fn main() -> Result<(), qmp_tokio::Error> {
//!     let qemu = qmp_tokio::connect("unix:/run/vm.qmp").await?;
//!     println!("QEMU {}", qemu.version().unwrap_or_default());
//!     let resumed = qemu.event().named("RESUME");
//!     qemu.execute("cont").await?;
//!     println!("RESUME at {:?}", resumed.await?.timestamp());
//!     Ok(())
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
//! Both flavors of the runtime work, with I/O and time enabled.
//!
//! # Typed commands and events
//!
//! [`types`] has every command, event and type of QEMU and its guest agent, behind the feature `types`,
//! which is on by default.
//!
//! ```
//! # #[cfg(all(unix, feature = "types"))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), qmp_tokio::Error> {
//! use qmp_tokio::TypedItem;
//! use qmp_tokio::types::{Cont, QueryStatus, RunState, events};
//!
//! # let listener = qmp_tokio::Listener::bind("tcp:127.0.0.1:0").await?;
//! # let address = listener.local_address().clone();
//! # tokio::spawn(async move {
//! #     let mut commands = qmp_tokio::server().accept(&listener).await?;
//! #     while let Some(request) = commands.recv().await {
//! #         match request.name() {
//! #             "query-status" => request.answer_json(r#"{"running": false, "status": "prelaunch"}"#)?,
//! #             _ => {
//! #                 commands.event_sender().emit("RESUME", &())?;
//! #                 request.return_empty();
//! #             }
//! #         }
//! #     }
//! #     Ok::<(), qmp_tokio::Error>(())
//! # });
//! # let qemu = qmp_tokio::connect(address).await?;
//! let status = qemu.call(&QueryStatus::new()).await?;
//! assert_eq!(status.status, RunState::Prelaunch);
//!
//! let mut events = qemu.events().subscribe().of::<events::Any>();
//! qemu.call(&Cont::new()).await?;
//! let Some(TypedItem::Event(resumed)) = events.recv().await else { panic!("the connection ended") };
//! assert_eq!(resumed.event.name(), "RESUME");
//! # Ok(())
//! # }
//! # #[cfg(not(all(unix, feature = "types")))]
//! # fn main() {}
//! ```

#![forbid(unsafe_code)]

mod clock;
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
///
/// # Panics
///
/// Panics if called outside a tokio runtime, or in one without I/O or time enabled.
pub async fn connect(address: impl IntoAddress) -> Result<Client, Error> {
    builder().connect(address).await
}

/// Connects to a guest agent and syncs with it.
///
/// # Errors
///
/// Returns the same errors as [`connect`].
///
/// # Panics
///
/// Panics in the same cases as [`connect`].
pub async fn connect_agent(address: impl IntoAddress) -> Result<Client, Error> {
    builder().agent().connect(address).await
}

/// Returns a builder, for everything that differs from the defaults.
///
/// ```no_run
/// # use std::time::Duration;
/// # async fn example() -> Result<(), qmp_tokio::Error> {
/// let qemu = qmp_tokio::builder()
///     .out_of_band()
///     .handshake_timeout(Duration::from_secs(60))
///     .connect("tcp:localhost:4444")
///     .await?;
/// # Ok(())
/// # }
/// ```
pub fn builder() -> Builder<Tokio> {
    Builder::default()
}

/// Returns a builder for servers: the other side of QMP, for virtual machine monitors, mock servers
/// and proxies. See the module [`server`](mod@server).
///
/// ```
/// # #[cfg(unix)]
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> Result<(), qmp_tokio::Error> {
///     let listener = qmp_tokio::Listener::bind("tcp:127.0.0.1:0").await?;
///     let address = listener.local_address().clone();
///     tokio::spawn(async move {
///         let mut commands = qmp_tokio::server().accept(&listener).await?;
///         while let Some(request) = commands.recv().await {
///             match request.name() {
///                 "query-name" => request.answer_json(r#"{"name": "vm1"}"#)?,
///                 _ => request.command_not_found(),
///             }
///         }
///         Ok::<(), qmp_tokio::Error>(())
///     });
///
///     let vmm = qmp_tokio::connect(address).await?;
///     let name = vmm.execute("query-name").await?;
///     assert_eq!(name.json()?.as_str(), r#"{"name": "vm1"}"#);
///     Ok(())
/// }
/// # #[cfg(not(unix))]
/// # fn main() {}
/// ```
pub fn server() -> server::Builder<Tokio> {
    server::Builder::default()
}

/// What a runtime implements, and what runs a connection. Most programs do not need it.
pub mod driver {
    pub use qmp_driver::{BorrowedDescriptor, Descriptor, Driver, Runtime, Transport};
}

/// The tokio runtime, for [`Builder`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokio;

impl Runtime for Tokio {
    #[cfg(unix)]
    type Transport = SocketTransport;
    #[cfg(not(unix))]
    type Transport = StreamTransport<tokio::net::TcpStream>;
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
        stream.set_nonblocking(true)?;
        Ok(StreamTransport::new(tokio::net::TcpStream::from_std(stream)?))
    }

    fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send {
        let task = tokio::task::spawn_blocking(work);
        async {
            match task.await {
                Ok(done) => done,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The runtime is shutting down and will not poll this future again.
                    Err(_) => std::future::pending().await,
                },
            }
        }
    }

    async fn sleep_until(&self, at: Instant) {
        tokio::time::sleep_until(at.into()).await;
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
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    fn spawn<T: Send + 'static>(&self, driver: impl Future<Output = T> + Send + 'static) {
        tokio::spawn(driver);
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeOfTheProject;

#[cfg(all(doctest, unix))]
#[doc = include_str!("../../docs/coming-from-qemu-qmp.md")]
struct ComingFromQemuQmp;
