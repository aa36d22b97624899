//! A server that is still starting.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;

use qmp_proto::{Address, ProtocolError};
use qmp_sockets::{Attempts, ConnectError, Deadline, IntoAddress, RetryError, Socket};

use crate::{Builder, Cause, Client, Disconnect, Error, Runtime};

impl<R: Runtime> Builder<R> {
    /// Connects to a server that may still be starting: tries until it listens and the handshake has
    /// begun, until its process ends, or until the deadline of connecting. Goes through the handshake
    /// and spawns the driver.
    ///
    /// Between two attempts, which are 50 milliseconds apart at most, `has_ended` looks after the
    /// process, without waiting: `|| child.try_wait()` for a `Child` of std, tokio or of a
    /// [`Process`](crate::Process), `|| child.try_status()` for smol's; `|| Ok(None)` if nothing is
    /// known of it. An error of its own ends the attempts, too.
    ///
    /// [`launch`](Self::launch) needs none of this, and can quote a QEMU that does not like its
    /// options.
    ///
    /// ```no_run
    /// # use std::process::Command;
    /// # use qmp_driver::{Builder, Runtime};
    /// # async fn example<R: Runtime>(builder: Builder<R>) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut child = Command::new("qemu-system-x86_64")
    ///     .args(["-display", "none", "-qmp", "unix:/run/vm.qmp,server=on,wait=off"])
    ///     .spawn()?;
    /// let qemu = builder.connect_when_up("unix:/run/vm.qmp", || child.try_wait()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Cancel-safe: dropped half way, the connection is closed.
    ///
    /// # Errors
    ///
    /// [`Cause::EndedEarly`], soon, if the process has ended; what was
    /// tried last if the deadline has passed. What waiting does not change is said at once: that the
    /// address cannot be understood, is not permitted or no socket, and all that
    /// [`connect`](Self::connect) says once a server listens.
    pub async fn connect_when_up(
        mut self,
        address: impl IntoAddress,
        mut has_ended: impl FnMut() -> io::Result<Option<ExitStatus>>,
    ) -> Result<Client, Error> {
        let address = address.into_address()?;
        let mut attempts = Attempts::new(address, Deadline::after(self.connect_deadline));
        loop {
            let attempt = loop {
                match attempts.try_connect() {
                    Some(attempt) => break attempt,
                    None => self.runtime.sleep_until(attempts.next_try()).await,
                }
            };
            let connected = match attempt {
                Ok(socket) => self.connect_over(socket, attempts.address()).await,
                Err(error) => Err(error.into()),
            };
            match connected {
                Ok(client) => return Ok(client),
                Err(error) if !may_pass(&error) => return Err(error),
                Err(error) => match attempts.retry(&mut has_ended) {
                    Ok(()) => {}
                    Err(RetryError::TimedOut { waited }) => return Err(error.tried_for(waited)),
                    Err(RetryError::Ended(ended)) => {
                        let peer = attempts.address().to_string().into();
                        return Err(Error::new(Cause::EndedEarly(ended)).with_peer(&peer));
                    }
                    Err(RetryError::Unknown(error)) => return Err(error.into()),
                    Err(_) => return Err(error),
                },
            }
        }
    }

    /// If it fails, the next connection takes the place of this one.
    async fn connect_over(&mut self, socket: Socket, address: &Address) -> Result<Client, Error> {
        let transport = self.runtime.transport(socket);
        let transport = transport.map_err(|error| ConnectError::new(address, error))?;
        let (client, driver) = self.open_at(Arc::new(transport), address.clone())?;
        self.runtime.spawn(driver);
        match client.ready().await {
            Ok(()) => Ok(client),
            Err(error) => {
                self.client = Some(client);
                Err(error)
            }
        }
    }
}

/// Whether the server may only need more time: a socket may be there before it serves, and a chardev
/// hangs up on clients while QEMU starts.
fn may_pass(error: &Error) -> bool {
    match error.cause() {
        Cause::Connect(error) => error.may_pass(),
        Cause::Disconnected { reason, .. } => match reason {
            Disconnect::Closed | Disconnect::Io(_) => true,
            Disconnect::Protocol(error) => {
                use ProtocolError::{EndInHandshake, EndInsideMessage, EndWithRequests};
                matches!(error, EndInHandshake { .. } | EndInsideMessage | EndWithRequests { .. })
            }
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_hangs_up_may_be_starting_and_one_that_sends_garbage_is_not_a_server() {
        let disconnected = |reason| Error::new(Cause::Disconnected { reason, sent: false });
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        for reason in [Disconnect::Closed, Disconnect::Io(Arc::new(reset))] {
            assert!(may_pass(&disconnected(reason)));
        }
        let long = ProtocolError::MessageTooLong { limit: 1 };
        for reason in [Disconnect::Malformed("?".into()), Disconnect::Protocol(long)] {
            assert!(!may_pass(&disconnected(reason)));
        }
    }
}
