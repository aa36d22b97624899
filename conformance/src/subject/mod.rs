//! The interface that the scenarios need of a client, blocking or not: the names that the adapters'
//! clients have in common.
//!
//! A scenario awaits everything. The calls of a blocking client have completed by then, so its
//! futures are ready at once: [`ready`](crate::ready) runs them.

mod asynchronous;
mod blocking;

use std::fmt::Debug;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use qmp_driver::{
    Address, CloseReason, Command, Error, Launch, Options, OwnedEvent, Process, Reply, Version,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use asynchronous::Polled;
pub(crate) use asynchronous::names;

/// An adapter, and how its futures are run. Implemented by the tests of each adapter.
pub trait Adapter {
    /// The builder of its clients.
    type Builder: Build;

    /// Creates a builder with the defaults.
    fn builder() -> Self::Builder {
        Self::Builder::default()
    }

    /// Listens for servers at a path.
    fn listen(path: &Path) -> <Self::Builder as Build>::Listener;

    /// Runs a scenario.
    fn block_on<T>(scenario: impl Future<Output = T>) -> T;
}

/// A builder of clients.
#[allow(async_fn_in_trait, reason = "one task does it all")]
pub trait Build: Default {
    /// The client.
    type Client: Subject + Debug;
    /// A socket that waits for servers.
    type Listener;

    /// For a guest agent.
    fn agent(self) -> Self;
    /// With out-of-band execution.
    fn out_of_band(self) -> Self;
    /// With these limits.
    fn options(self, options: Options) -> Self;
    /// Sets the connect timeout.
    fn connect_timeout(self, deadline: Duration) -> Self;
    /// Sets the handshake timeout.
    fn handshake_timeout(self, deadline: Duration) -> Self;

    /// Connects to a server.
    async fn connect(self, address: &Address) -> Result<Self::Client, Error>;
    /// Connects to a server that is starting.
    async fn connect_with_retry(
        self,
        address: &Address,
        has_ended: impl FnMut() -> io::Result<Option<ExitStatus>>,
    ) -> Result<Self::Client, Error>;
    /// Waits for a server to connect.
    async fn accept(self, listener: &Self::Listener) -> Result<Self::Client, Error>;
    /// Launches a server.
    async fn launch(self, launch: Launch) -> Result<(Self::Client, Process), Error>;
    /// Uses an existing connection.
    async fn connect_over(self, stream: UnixStream, peer: &str) -> Result<Self::Client, Error>;
}

/// A client.
#[allow(async_fn_in_trait, reason = "one task does it all")]
pub trait Subject {
    /// A command in flight.
    type Sent<'c>
    where
        Self: 'c;
    /// A subscription to events.
    type Events<'c>
    where
        Self: 'c;

    /// Creates a command by name.
    fn execute<'c>(&'c self, name: &str) -> impl Execute<Sent = Self::Sent<'c>>;
    /// Creates a typed command.
    async fn call<C: Command<Output: DeserializeOwned> + Serialize>(
        &self,
        command: &C,
    ) -> Result<C::Output, Error>;
    /// Creates a raw message.
    async fn raw(&self, message: &str) -> Result<Vec<u8>, Error>;
    /// Awaits the replies to all commands together.
    async fn answers<'c>(&'c self, sent: Vec<Self::Sent<'c>>) -> Vec<Result<Reply, Error>>;

    /// Subscribes to events with these names, including the backlog.
    fn events(&self, names: &[&'static str]) -> Self::Events<'_>;
    /// Returns the next event.
    async fn event<'c>(
        &'c self,
        events: &mut Self::Events<'c>,
        within: Duration,
    ) -> Result<OwnedEvent, Error>;
    /// Takes all queued events, oldest first, and returns their names.
    fn names<'c>(&'c self, events: &mut Self::Events<'c>) -> Vec<String>;

    /// Returns the version in the greeting.
    fn version(&self) -> Option<Version>;
    /// Returns whether the server offers a capability.
    fn supports(&self, capability: &str) -> bool;
    /// Returns whether commands can be executed out of band.
    fn is_out_of_band(&self) -> bool;
    /// Returns whether commands can be sent.
    fn is_ready(&self) -> bool;

    /// Syncs with an agent again.
    async fn sync(&self) -> Result<(), Error>;
    /// Waits for outstanding replies, and closes the connection.
    async fn close(&self) -> Result<(), Error>;
    /// Waits for the server to close the connection.
    async fn closed(&self) -> CloseReason;
}

/// A command that is not sent yet.
#[allow(async_fn_in_trait, reason = "one task does it all")]
pub trait Execute: Sized {
    /// A command in flight.
    type Sent;

    /// Sets all arguments.
    fn arguments<A: Serialize + ?Sized>(self, arguments: &A) -> Self;
    /// Adds one argument.
    fn argument<A: Serialize + ?Sized>(self, name: &str, value: &A) -> Self;
    /// Executes it out of band.
    fn out_of_band(self) -> Self;
    /// Sends a file with it.
    fn descriptor(self, descriptor: impl Into<OwnedFd>) -> Self;
    /// Sets the timeout of the reply.
    fn timeout(self, deadline: Duration) -> Self;

    /// Sends it and waits for the reply.
    async fn run(self) -> Result<Reply, Error>;
    /// Sends it.
    async fn send(self) -> Result<Self::Sent, Error>;
}
