//! Waiting for QEMU to connect to us.

use std::io;
use std::time::Instant;

use qmp_driver::{Address, ConnectError, Error, IntoAddress, Socket, qmp_sockets};
use smol::{Async, Timer, future};

/// A socket that waits for connections; for [`Builder::accept`](crate::Builder::accept).
///
/// As [`qmp_sockets::Listener`], which it is: the file of a unix socket has mode 0600 and goes when
/// the listener is dropped, and a TCP address without a host listens on this machine only.
///
/// ```no_run
/// # async fn example() -> Result<(), qmp_smol::Error> {
/// let listener = qmp_smol::Listener::bind("unix:/run/vm.qmp")?;
/// println!("start QEMU with -qmp {}", listener.local_address());
/// let qemu = qmp_smol::builder().accept(&listener).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Listener(Async<qmp_sockets::Listener>);

impl Listener {
    /// Starts to listen on `address`.
    ///
    /// # Errors
    ///
    /// When somebody else listens there, when the address is not this machine's or not this
    /// system's kind, or when the file or port may not be made; the error says which.
    pub fn bind(address: impl IntoAddress) -> Result<Self, Error> {
        let listener = qmp_sockets::Listener::bind(address)?;
        let address = listener.local_address().clone();
        let registered = Async::new(listener);
        Ok(Self(registered.map_err(|error| ConnectError::listening(&address, error))?))
    }

    /// Where to connect to: what was bound, with the port that was chosen for 0.
    pub fn local_address(&self) -> &Address {
        self.0.get_ref().local_address()
    }

    pub(crate) async fn accept_until(
        &self,
        deadline: Option<Instant>,
    ) -> Result<(Socket, Address), ConnectError> {
        let started = Instant::now();
        let address = self.local_address();
        let accept = self.0.read_with(qmp_sockets::Listener::try_accept);
        let expire = async {
            match deadline {
                Some(deadline) => Timer::at(deadline).await,
                None => future::pending().await,
            };
            Err(io::ErrorKind::TimedOut.into())
        };
        match future::or(accept, expire).await {
            Ok(socket) => Ok((socket, address.clone())),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                Err(ConnectError::nobody_connected(address, started.elapsed()))
            }
            Err(error) => Err(ConnectError::listening(address, error)),
        }
    }
}
