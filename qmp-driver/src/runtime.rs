//! The interface to a runtime.

use std::future::Future;
use std::io;
use std::time::Instant;

use qmp_proto::Address;
use qmp_sockets::{ConnectError, PendingBind, Socket};

use crate::Transport;

/// A runtime, for [`Builder`](crate::Builder) and [`server::Builder`](crate::server::Builder): it
/// registers sockets and runs drivers. Implemented by the adapters; programs do not need it.
pub trait Runtime: Clone + Default + Send + Sync + 'static {
    /// The transport over a socket of the runtime.
    type Transport: Transport;

    /// A listening socket of the runtime.
    type Listener: Sync;

    /// Registers a socket with the runtime.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error.
    fn transport(&self, socket: Socket) -> io::Result<Self::Transport>;

    /// Runs blocking work where it does not delay other tasks.
    fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send;

    /// Waits until `at`.
    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send;

    /// Binds to `address` and listens, without blocking: a host name is looked up on a thread of its
    /// own.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Listener::bind`](qmp_sockets::Listener::bind).
    fn listen(
        &self,
        address: Address,
    ) -> impl Future<Output = Result<qmp_sockets::Listener, ConnectError>> + Send {
        async {
            let mut pending = PendingBind::new(address);
            loop {
                match pending.try_bind() {
                    Some(bound) => return bound,
                    None => self.sleep_until(pending.next_try()).await,
                }
            }
        }
    }

    /// Accepts a connection, and returns it with the listener's address. Cancel-safe: a connection
    /// that was not returned waits for the next call.
    fn accept(
        &self,
        listener: &Self::Listener,
        deadline: Option<Instant>,
    ) -> impl Future<Output = Result<(Socket, Address), ConnectError>> + Send;

    /// Returns whether the runtime polls spawned tasks on threads of its own, independently of the
    /// program's threads. If not, a background thread enforces the deadlines of callers for which
    /// [`Transport::clock_runs_here`] returns `false`.
    fn has_own_threads(&self) -> bool {
        false
    }

    /// Spawns the driver of a client or a server as a task.
    fn spawn<T: Send + 'static>(&self, driver: impl Future<Output = T> + Send + 'static);
}
