//! A QMP client for QEMU, the storage daemon and the guest agent, on smol, and on whatever else is
//! made of futures-io: async-std, a bare `block_on`.
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
//! - [`connect`] to QEMU or the storage daemon, [`connect_agent`] to a guest agent; [`builder`] for
//!   deadlines, out-of-band execution, a QEMU to [launch](Builder::launch), a [`Listener`] that QEMU
//!   connects to, or any other stream.
//! - [`Client::execute`] commands by name, or [`call`](Client::call) typed ones, from any number of
//!   tasks; pass descriptors.
//! - [`Client::event`] waits for one event, [`Client::events`] subscribes to many.
//! - [`server()`] is the other side: it serves clients.
//! - [`Error`] tells a server's error from a deadline and from a lost connection, and whether the
//!   command may have been done all the same.
//!
//! Sockets and timers are served by a thread that smol starts when it is first needed, and drivers
//! are spawned on smol's global executor; `SMOL_THREADS` says how many threads that has. To have
//! the driver elsewhere, [`open`](Builder::open) a connection and spawn it there:
//!
//! ```no_run
//! # async fn example(executor: &smol::Executor<'_>) -> Result<(), qmp_smol::Error> {
//! let (qemu, driver) = qmp_smol::builder().open("unix:/run/vm.qmp").await?;
//! executor.spawn(driver).detach();
//! qemu.ready().await?;
//! # Ok(())
//! # }
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

pub use qmp_driver::*;

#[cfg(unix)]
pub use listener::Listener;
#[cfg(unix)]
pub use socket::SocketTransport;
pub use stream::StreamTransport;

/// Connects to a monitor: of QEMU, of the storage daemon. The [`Address`] says how it can be
/// written.
///
/// Connecting and the handshake have 10 seconds each; [`builder`] sets others.
///
/// Cancel-safe: dropped half way, the connection is closed.
///
/// # Errors
///
/// If the address cannot be understood, nobody listens there, or nobody greets in time, as when
/// another client is connected. The error says which, and what to do.
pub async fn connect(address: impl IntoAddress) -> Result<Client, Error> {
    builder().connect(address).await
}

/// Connects to a guest agent and syncs with it.
///
/// # Errors
///
/// As [`connect`].
pub async fn connect_agent(address: impl IntoAddress) -> Result<Client, Error> {
    builder().agent().connect(address).await
}

/// For everything that is not as usual.
///
/// ```no_run
/// # use std::time::Duration;
/// # async fn example() -> Result<(), qmp_smol::Error> {
/// let qemu = qmp_smol::builder()
///     .out_of_band()
///     .handshake_deadline(Duration::from_secs(60))
///     .connect("tcp:localhost:4444")
///     .await?;
/// # Ok(())
/// # }
/// ```
pub fn builder() -> Builder<Smol> {
    Builder::default()
}

/// Serves clients: the other side of QMP, for virtual machine monitors, mock servers and proxies.
/// The module [`server`](mod@server) tells more.
///
/// ```
/// # #[cfg(unix)]
/// fn main() -> Result<(), qmp_smol::Error> {
///     smol::block_on(async {
///         let listener = qmp_smol::Listener::bind("tcp:127.0.0.1:0")?;
///         let address = listener.local_address().clone();
///         let serving = smol::spawn(async move {
///             let mut commands = qmp_smol::server().accept(&listener).await?;
///             while let Some(request) = commands.recv().await {
///                 match request.name() {
///                     "query-name" => request.answer_json(r#"{"name": "vm1"}"#)?,
///                     _ => request.not_found(),
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

/// The runtime, for [`Builder`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Smol;

impl Runtime for Smol {
    #[cfg(unix)]
    type Transport = SocketTransport;
    #[cfg(not(unix))]
    type Transport = StreamTransport<smol::Async<std::net::TcpStream>>;
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
        Ok(StreamTransport::new(smol::Async::new(stream)?))
    }

    fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send {
        smol::unblock(work)
    }

    #[cfg(unix)]
    async fn accept(
        &self,
        listener: &Listener,
        deadline: Option<Instant>,
    ) -> Result<(Socket, Address), ConnectError> {
        listener.accept_until(deadline).await
    }

    /// The system's listeners cannot be waited for here.
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
            smol::Timer::after(std::time::Duration::from_millis(20)).await;
        }
    }

    fn spawn<T: Send + 'static>(&self, driver: impl Future<Output = T> + Send + 'static) {
        smol::spawn(driver).detach();
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
