//! What the scenarios want of a client, blocking or not: the words that the adapters' clients have
//! in common.
//!
//! A scenario awaits everything. What a blocking client does is done by then, and its futures never
//! wait: [`ready`](crate::ready) runs them.

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
    Address, Command, Disconnect, Error, Launch, Options, OwnedEvent, Process, Reply, Version,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use asynchronous::Polled;
pub(crate) use asynchronous::names;

/// An adapter, and how its futures are run. The tests of each adapter implement it.
pub trait Adapter {
    /// How its clients are made.
    type Builder: Build;

    /// One, as it is at first.
    fn builder() -> Self::Builder {
        Self::Builder::default()
    }

    /// Waits for servers at a path.
    fn listen(path: &Path) -> <Self::Builder as Build>::Listener;

    /// Runs a scenario.
    fn block_on<T>(scenario: impl Future<Output = T>) -> T;
}

/// A builder of clients.
#[allow(async_fn_in_trait, reason = "one task does it all")]
pub trait Build: Default {
    /// What it makes.
    type Client: Subject + Debug;
    /// A socket that waits for servers.
    type Listener;

    /// For a guest agent.
    fn agent(self) -> Self;
    /// With out-of-band execution.
    fn out_of_band(self) -> Self;
    /// With these limits.
    fn options(self, options: Options) -> Self;
    /// How long connecting may take.
    fn connect_deadline(self, deadline: Duration) -> Self;
    /// How long the handshake may take.
    fn handshake_deadline(self, deadline: Duration) -> Self;

    /// Connects to a server.
    async fn connect(self, address: &Address) -> Result<Self::Client, Error>;
    /// Connects to a server that starts.
    async fn connect_when_up(
        self,
        address: &Address,
        has_ended: impl FnMut() -> io::Result<Option<ExitStatus>>,
    ) -> Result<Self::Client, Error>;
    /// Waits for a server to connect.
    async fn accept(self, listener: &Self::Listener) -> Result<Self::Client, Error>;
    /// Starts a server.
    async fn launch(self, launch: Launch) -> Result<(Self::Client, Process), Error>;
    /// Takes a connection.
    async fn over(self, stream: UnixStream, peer: &str) -> Result<Self::Client, Error>;
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

    /// A command by name.
    fn execute<'c>(&'c self, name: &str) -> impl Execute<Sent = Self::Sent<'c>>;
    /// A command that knows its types.
    async fn call<C: Command<Output: DeserializeOwned> + Serialize>(
        &self,
        command: &C,
    ) -> Result<C::Output, Error>;
    /// A whole message.
    async fn raw(&self, message: &str) -> Result<Vec<u8>, Error>;
    /// The answers to all that was sent, awaited together.
    async fn answers<'c>(&'c self, sent: Vec<Self::Sent<'c>>) -> Vec<Result<Reply, Error>>;

    /// A subscription to events with these names, the backlog included.
    fn events(&self, names: &[&'static str]) -> Self::Events<'_>;
    /// The next of them.
    async fn event<'c>(
        &'c self,
        events: &mut Self::Events<'c>,
        within: Duration,
    ) -> Result<OwnedEvent, Error>;
    /// The names of those that have come, oldest first; they are taken.
    fn names<'c>(&'c self, events: &mut Self::Events<'c>) -> Vec<String>;

    /// The version in the greeting.
    fn version(&self) -> Option<Version>;
    /// Whether the server offers a capability.
    fn supports(&self, capability: &str) -> bool;
    /// Whether commands can be executed out of band.
    fn is_out_of_band(&self) -> bool;
    /// Whether commands can be sent.
    fn is_ready(&self) -> bool;

    /// Syncs with an agent again.
    async fn sync(&self) -> Result<(), Error>;
    /// Waits for the answers, and ends the connection.
    async fn close(&self) -> Result<(), Error>;
    /// Waits for the server to end it.
    async fn closed(&self) -> Disconnect;
}

/// A command that is being put together.
#[allow(async_fn_in_trait, reason = "one task does it all")]
pub trait Execute: Sized {
    /// A command on its way.
    type Sent;

    /// With all these arguments.
    fn arguments<A: Serialize + ?Sized>(self, arguments: &A) -> Self;
    /// With one more argument.
    fn argument<A: Serialize + ?Sized>(self, name: &str, value: &A) -> Self;
    /// Out of band.
    fn out_of_band(self) -> Self;
    /// With a file.
    fn descriptor(self, descriptor: impl Into<OwnedFd>) -> Self;
    /// How long to wait for the answer.
    fn deadline(self, deadline: Duration) -> Self;

    /// Sends it and waits for its answer.
    async fn run(self) -> Result<Reply, Error>;
    /// Sends it.
    async fn send(self) -> Result<Self::Sent, Error>;
}
