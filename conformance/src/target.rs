//! The servers that a scenario runs on.

use crate::peer::Peer;
use crate::server::{Server, Suite};
use crate::subject::Build;

/// The kind of servers that a scenario uses.
#[derive(Clone, Copy, Debug)]
pub enum Target<'s> {
    /// The servers of a version of QEMU.
    Real(&'s Suite),
    /// Ours, at the other end of a socket pair.
    Memory,
}

/// A server of either kind. It ends when it is dropped.
#[derive(Debug)]
pub enum AnyServer {
    /// A process.
    Real(Server),
    /// A thread.
    Memory(Peer),
}

impl Target<'_> {
    /// Starts QEMU without a machine.
    pub fn qemu(self) -> AnyServer {
        match self {
            Self::Real(suite) => AnyServer::Real(suite.qemu()),
            Self::Memory => AnyServer::Memory(Peer::monitor()),
        }
    }

    /// Starts a guest agent that cannot shut anything down.
    pub fn agent(self) -> AnyServer {
        match self {
            Self::Real(suite) => AnyServer::Real(suite.agent(&[])),
            Self::Memory => AnyServer::Memory(Peer::agent()),
        }
    }
}

impl AnyServer {
    /// Connects a client to it.
    pub async fn connect<B: Build>(&mut self, build: impl Fn() -> B) -> B::Client {
        match self {
            Self::Real(server) => server.connect(build).await,
            Self::Memory(peer) => build().connect_over(peer.connect(), "memory").await.unwrap(),
        }
    }

    /// Stops the server: it neither responds nor ends.
    pub fn stop(&self) {
        match self {
            Self::Real(server) => server.signal(rustix::process::Signal::STOP),
            Self::Memory(peer) => peer.stop(),
        }
    }

    /// Kills it.
    pub fn kill(&self) {
        match self {
            Self::Real(server) => server.signal(rustix::process::Signal::KILL),
            Self::Memory(peer) => peer.kill(),
        }
    }

    /// Waits until it has ended by itself, successfully.
    pub fn ended(&mut self) {
        match self {
            Self::Real(server) => assert!(server.ended().success()),
            Self::Memory(peer) => peer.ended(),
        }
    }
}
