//! A server that is still starting.

use std::io;
use std::process::ExitStatus;

use qmp_sockets::{Attempts, Deadline, Error, IntoAddress};

use crate::{Builder, Connection};

impl Builder {
    /// Connects to a server that may still be starting: tries until it listens and the handshake has
    /// begun, until its process ends, or until the deadline of connecting.
    ///
    /// Between two attempts, which are 50 milliseconds apart at most, `has_ended` looks after the
    /// process, without waiting: `|| child.try_wait()`, or `|| Ok(None)` if nothing is known of it.
    /// An error of its own ends the attempts, too.
    ///
    /// [`launch`](Self::launch) needs none of this, and can quote a QEMU that does not like its
    /// options.
    ///
    /// ```no_run
    /// use std::process::Command;
    /// use qmp_blocking::Connection;
    ///
    /// let mut child = Command::new("qemu-system-x86_64")
    ///     .args(["-display", "none", "-qmp", "unix:/run/vm.qmp,server=on,wait=off"])
    ///     .spawn()?;
    /// let builder = Connection::builder();
    /// let mut qemu = builder.connect_when_up("unix:/run/vm.qmp", || child.try_wait())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Cause::EndedEarly`](crate::Cause::EndedEarly), soon, if the process has ended; what was
    /// tried last if the deadline has passed. What waiting does not change is said at once: that the
    /// address cannot be understood, is not permitted or no socket, and all that
    /// [`connect`](Self::connect) says once a server listens.
    pub fn connect_when_up(
        mut self,
        address: impl IntoAddress,
        mut has_ended: impl FnMut() -> io::Result<Option<ExitStatus>>,
    ) -> Result<Connection, Error> {
        let address = address.into_address()?;
        let peer = address.to_string();
        let mut attempts = Attempts::new(address, Deadline::after(self.connect_deadline));
        loop {
            let connected = match attempts.connect() {
                Ok(socket) => self.start(socket, &peer),
                Err(error) => Err(error.into()),
            };
            match connected {
                Ok(connection) => return Ok(connection),
                Err(error) => attempts.go_on(error, &mut has_ended)?,
            }
        }
    }
}
