//! Listening for connections from QEMU.

use std::io;
use std::time::Instant;

use qmp_driver::{Address, ConnectError, Error, IntoAddress, Runtime, Socket, qmp_sockets};
use tokio::io::unix::AsyncFd;

use crate::Tokio;
use crate::socket::registered;

/// A socket that accepts connections, for [`Builder::accept`](crate::Builder::accept).
///
/// It wraps a [`qmp_sockets::Listener`]: the file of a unix socket has mode 0600 and is removed
/// when the listener is dropped, and a TCP address without a host listens on the loopback interface
/// only.
///
/// ```no_run
/// # async fn example() -> Result<(), qmp_tokio::Error> {
/// let listener = qmp_tokio::Listener::bind("unix:/run/vm.qmp").await?;
/// println!("start QEMU with -qmp {}", listener.local_address());
/// let qemu = qmp_tokio::builder().accept(&listener).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Listener(AsyncFd<qmp_sockets::Listener>);

impl Listener {
    /// Binds to `address` and listens. A host name is looked up without blocking the runtime.
    ///
    /// Cancel-safe: if the future is dropped before it completes, nothing listens.
    ///
    /// # Errors
    ///
    /// Returns an error if the address is in use, if it does not belong to this machine, if the
    /// platform does not support its kind, or if permission is denied. The error states which.
    ///
    /// # Panics
    ///
    /// Panics if called outside a tokio runtime, or in one without I/O enabled.
    pub async fn bind(address: impl IntoAddress) -> Result<Self, Error> {
        let listener = Tokio.listen(address.into_address()?).await?;
        let address = listener.local_address().clone();
        let registered = registered(listener);
        Ok(Self(registered.map_err(|error| ConnectError::listening(&address, error))?))
    }

    /// Returns the address to connect to. If port 0 was bound, it contains the port that the
    /// operating system chose.
    pub fn local_address(&self) -> &Address {
        self.0.get_ref().local_address()
    }

    pub(crate) async fn accept_until(
        &self,
        deadline: Option<Instant>,
    ) -> Result<(Socket, Address), ConnectError> {
        let started = Instant::now();
        let address = self.local_address();
        let accepted = match deadline {
            None => self.accept().await,
            Some(deadline) => match tokio::time::timeout_at(deadline.into(), self.accept()).await {
                Ok(accepted) => accepted,
                Err(_) => {
                    return Err(ConnectError::nobody_connected(address, started.elapsed()));
                }
            },
        };
        match accepted {
            Ok(socket) => Ok((socket, address.clone())),
            Err(error) => Err(ConnectError::listening(address, error)),
        }
    }

    async fn accept(&self) -> io::Result<Socket> {
        loop {
            let mut ready = self.0.readable().await?;
            // Waits again if there is no connection yet.
            if let Ok(accepted) = ready.try_io(|listener| listener.get_ref().try_accept()) {
                return accepted;
            }
        }
    }
}
