//! Waiting for QEMU to connect to us.

use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

use qmp_driver::{Address, ConnectError, Error, IntoAddress, Socket, qmp_sockets};
use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::socket::registered;

/// A socket that waits for connections; for [`Builder::accept`](crate::Builder::accept).
///
/// As [`qmp_sockets::Listener`], which it is: the file of a unix socket has mode 0600 and goes when
/// the listener is dropped, and a TCP address without a host listens on this machine only.
///
/// ```no_run
/// # async fn example() -> Result<(), qmp_tokio::Error> {
/// let listener = qmp_tokio::Listener::bind("unix:/run/vm.qmp")?;
/// println!("start QEMU with -qmp {}", listener.local_address());
/// let qemu = qmp_tokio::builder().accept(&listener).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Listener {
    listener: qmp_sockets::Listener,
    /// A duplicate, to be waited for.
    readable: UnixStream,
}

impl Listener {
    /// Starts to listen on `address`.
    ///
    /// # Errors
    ///
    /// When somebody else listens there, when the address is not this machine's or not this
    /// system's kind, or when the file or port may not be made; the error says which.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, or in one without I/O.
    pub fn bind(address: impl IntoAddress) -> Result<Self, Error> {
        let listener = qmp_sockets::Listener::bind(address)?;
        let address = listener.local_address().clone();
        let duplicate = listener.as_fd().try_clone_to_owned();
        let readable = duplicate
            .and_then(registered)
            .map_err(|error| ConnectError::listening(&address, error))?;
        Ok(Self { listener, readable })
    }

    /// Where to connect to: what was bound, with the port that was chosen for 0.
    pub fn local_address(&self) -> &Address {
        self.listener.local_address()
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
            self.readable.readable().await?;
            let accept = || self.listener.try_accept();
            match self.readable.try_io(Interest::READABLE, accept) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                accepted => return accepted,
            }
        }
    }
}
