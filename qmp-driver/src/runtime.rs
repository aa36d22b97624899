//! What an adapter knows about its runtime.

use std::future::Future;
use std::io;
use std::time::Instant;

use qmp_proto::Address;
use qmp_sockets::{ConnectError, Socket};

use crate::Transport;

/// A runtime, for [`Builder`](crate::Builder) and [`server::Builder`](crate::server::Builder): how it
/// takes sockets, and how it spawns. Implemented
/// by the adapters; programs have no use for it.
pub trait Runtime: 'static {
    /// A socket of the runtime.
    type Transport: Transport;

    /// A listening socket of the runtime.
    type Listener;

    /// Registers a socket with the runtime, which may block or not.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn transport(socket: Socket) -> io::Result<Self::Transport>;

    /// Runs something that blocks where it keeps no other task waiting.
    fn unblock<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send;

    /// Waits until somebody connects, and says at which address. Cancel-safe: a connection that was
    /// not given out waits for the next call.
    fn accept(
        listener: &Self::Listener,
        deadline: Option<Instant>,
    ) -> impl Future<Output = Result<(Socket, Address), ConnectError>> + Send;

    /// Runs a driver, of a client or a server, in a task of its own.
    fn spawn<T: Send + 'static>(driver: impl Future<Output = T> + Send + 'static);
}
