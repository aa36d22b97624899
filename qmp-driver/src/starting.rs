//! Connecting to a server that is still starting.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;

use qmp_proto::{Address, ProtocolError};
use qmp_sockets::{ConnectError, ConnectRetry, Deadline, IntoAddress, RetryError, Socket};

use crate::{Builder, Client, CloseReason, Error, ErrorKind, Runtime};

impl<R: Runtime> Builder<R> {
    /// Connects to a server that may still be starting. Retries until the server listens and the
    /// handshake has begun, until its process ends, or until the deadline for connecting passes.
    /// Then completes the handshake and spawns the driver.
    ///
    /// Attempts are at most 50 ms apart. Between two attempts, `has_ended` checks the process
    /// without blocking: pass `|| child.try_wait()` for a `Child` of std or tokio or for a
    /// [`Process`](crate::Process), `|| child.try_status()` for a `Child` of smol, or `|| Ok(None)`
    /// if nothing is known about the process. If `has_ended` returns an error, the attempts end,
    /// too.
    ///
    /// [`launch`](Self::launch) does not need to retry, and quotes QEMU's error output if QEMU
    /// rejects its options.
    ///
    /// ```no_run
    /// # use std::process::Command;
    /// # use qmp_driver::{Builder, Runtime};
    /// # async fn example<R: Runtime>(builder: Builder<R>) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut child = Command::new("qemu-system-x86_64")
    ///     .args(["-display", "none", "-qmp", "unix:/run/vm.qmp,server=on,wait=off"])
    ///     .spawn()?;
    /// let qemu = builder.connect_with_retry("unix:/run/vm.qmp", || child.try_wait()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Cancel-safe: if the future is dropped before it completes, the connection is closed.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::EndedEarly`] shortly after the process has ended, or the error of the last
    /// attempt if the deadline passes. Permanent errors are returned immediately: if the address
    /// cannot be parsed, if permission is denied, if the file is not a socket, and any error that
    /// [`connect`](Self::connect) returns once a server listens.
    pub async fn connect_with_retry(
        mut self,
        address: impl IntoAddress,
        mut has_ended: impl FnMut() -> io::Result<Option<ExitStatus>>,
    ) -> Result<Client, Error> {
        let address = address.into_address()?;
        let mut attempts = ConnectRetry::new(address, Deadline::after(self.connect_timeout));
        loop {
            let attempt = loop {
                match attempts.try_connect() {
                    Some(attempt) => break attempt,
                    None => self.runtime.sleep_until(attempts.next_try()).await,
                }
            };
            let connected = match attempt {
                Ok(socket) => self.complete_handshake(socket, attempts.address()).await,
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
                        return Err(Error::new(ErrorKind::EndedEarly(ended)).with_peer(&peer));
                    }
                    Err(RetryError::Unknown(error)) => return Err(error.into()),
                    Err(_) => return Err(error),
                },
            }
        }
    }

    /// Completes the handshake over `socket`. If it fails, the next connection replaces this one.
    async fn complete_handshake(
        &mut self,
        socket: Socket,
        address: &Address,
    ) -> Result<Client, Error> {
        let transport = self.runtime.transport(socket);
        let transport = transport.map_err(|error| ConnectError::new(address, error))?;
        let (client, driver) = self.open_at(Arc::new(transport), address.clone())?;
        driver.spawn_on(&self.runtime);
        match client.ready().await {
            Ok(()) => Ok(client),
            Err(error) => {
                self.client = Some(client);
                Err(error)
            }
        }
    }
}

/// Returns whether a retry may succeed: a socket can exist before its server accepts, and a chardev
/// closes connections while QEMU starts.
fn may_pass(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Connect(error) => error.is_transient(),
        ErrorKind::Disconnected { reason, .. } => match reason {
            CloseReason::Closed | CloseReason::Io(_) => true,
            CloseReason::Protocol(error) => {
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
        let disconnected = |reason| Error::new(ErrorKind::Disconnected { reason, sent: false });
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        for reason in [CloseReason::Closed, CloseReason::Io(Arc::new(reset))] {
            assert!(may_pass(&disconnected(reason)));
        }
        let long = ProtocolError::MessageTooLong { limit: 1 };
        for reason in [CloseReason::Malformed("?".into()), CloseReason::Protocol(long)] {
            assert!(!may_pass(&disconnected(reason)));
        }
    }
}
