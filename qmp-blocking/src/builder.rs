//! Building a connection.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use qmp_driver::{Caller, Direction, Error, IntoAddress, Options};
#[cfg(unix)]
use qmp_driver::{Launch, Process};
use qmp_sockets::Listener;

use crate::client::Client;
use crate::stream::Stream;
use crate::thread::{CallerThread, Thread};

/// Builds a [`Client`]. Created by [`builder`](crate::builder()).
///
/// ```no_run
/// use std::time::Duration;
///
/// let qemu = qmp_blocking::builder()
///     .out_of_band()
///     .handshake_timeout(Duration::from_secs(60))
///     .on_wire(|direction, message| eprintln!("{direction:?} {}", String::from_utf8_lossy(message)))
///     .connect("tcp:localhost:4444")?;
/// # Ok::<(), qmp_blocking::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Builder(Inner);

type Inner = qmp_driver::Builder<CallerThread>;

impl Builder {
    settings! {
        /// Expects a guest agent as the peer.
        agent();
        /// Expects that the monitor has already sent its greeting and that capabilities are
        /// negotiated, as on a connection taken over from another program. Commands are sent at
        /// once.
        negotiated();
        /// Enables out-of-band execution. Connecting fails if the server does not offer it.
        ///
        /// At most 7 in-band commands are then in flight, because QEMU stops reading when there are
        /// more.
        out_of_band();
        /// Sets the deadline for connecting, or for waiting until a server connects. Default: 10
        /// seconds.
        #[doc(alias = "connect_deadline")]
        connect_timeout(timeout: Duration);
        /// Sets the deadline for the handshake: greeting and negotiation, or the sync with an
        /// agent. Default: 10 seconds. A server that is busy, stopped or serving another client
        /// does not answer.
        #[doc(alias = "handshake_deadline")]
        handshake_timeout(timeout: Duration);
        /// Sets the default deadline of a command. Default: none.
        #[doc(alias = "deadline")]
        timeout(timeout: Duration);
        /// Sets limits, and adapts to servers other than QEMU.
        options(options: Options);
        /// Continues when a monitor sends bytes that are not a message. By default the connection
        /// is closed, because they may have been a reply.
        tolerate_malformed();
        /// Keeps no events for [`with_backlog`](crate::SubscriptionBuilder::with_backlog) before the first
        /// subscription.
        without_backlog();
        /// Calls `hook` with every message on the wire, including the handshake. Messages come
        /// without their line end, and passwords and other secrets are masked.
        on_wire(hook: impl FnMut(Direction, &[u8]) + Send + 'static);
    }

    /// Connects to a server.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`connect`](crate::connect()).
    pub fn connect(self, address: impl IntoAddress) -> Result<Client, Error> {
        let address = address.into_address()?;
        self.make(|builder: Inner| builder.connect(address))
    }

    /// Connects to a server that may still be starting. Retries until the server listens and the
    /// handshake has begun, until its process ends, or until the deadline for connecting passes.
    ///
    /// Attempts are at most 50 ms apart. Between two attempts, `has_ended` checks the process
    /// without blocking: pass `|| child.try_wait()`, or `|| Ok(None)` if nothing is known about the
    /// process. If `has_ended` returns an error, the attempts end, too.
    ///
    /// [`launch`](Self::launch) does not need to retry, and quotes QEMU's error output if QEMU
    /// rejects its options.
    ///
    /// ```no_run
    /// use std::process::Command;
    ///
    /// let mut child = Command::new("qemu-system-x86_64")
    ///     .args(["-display", "none", "-qmp", "unix:/run/vm.qmp,server=on,wait=off"])
    ///     .spawn()?;
    /// let builder = qmp_blocking::builder();
    /// let qemu = builder.connect_with_retry("unix:/run/vm.qmp", || child.try_wait())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::EndedEarly`](crate::ErrorKind::EndedEarly) shortly after the process has ended,
    /// or the error of the last attempt if the deadline passes. Permanent errors are returned
    /// immediately: if the address cannot be parsed, if permission is denied, if the file is not a
    /// socket, and any error that [`connect`](Self::connect) returns once a server listens.
    pub fn connect_with_retry(
        self,
        address: impl IntoAddress,
        has_ended: impl FnMut() -> io::Result<Option<ExitStatus>>,
    ) -> Result<Client, Error> {
        self.make(|builder: Inner| builder.connect_with_retry(address, has_ended))
    }

    /// Accepts a connection from a server (`-qmp unix:PATH` without `server=on`) and completes the
    /// handshake.
    ///
    /// # Errors
    ///
    /// Returns an error if no server connects before the deadline for connecting, or if the
    /// handshake fails.
    pub fn accept(self, listener: &Listener) -> Result<Client, Error> {
        self.make(|builder: Inner| builder.accept(listener))
    }

    /// Starts QEMU or the storage daemon with a connection to it, and completes the handshake. Keep
    /// the [`Process`]: dropping it kills the program.
    ///
    /// ```no_run
    /// use qmp_blocking::Launch;
    ///
    /// let launch = Launch::qemu("qemu-system-x86_64").args(["-M", "q35", "-display", "none"]);
    /// let (qemu, mut process) = qmp_blocking::builder().launch(launch)?;
    /// qemu.execute("quit").run()?;
    /// println!("{}", process.wait()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the program cannot be started, or if the handshake fails; the program is
    /// then killed. If the program has exited ([`ErrorKind::ProcessExited`](crate::ErrorKind::ProcessExited)), for example
    /// because it rejected an option, the error quotes its standard error.
    #[cfg(unix)]
    pub fn launch(self, launch: Launch) -> Result<(Client, Process), Error> {
        let thread = Thread::new(&self.0.runtime().0);
        let (inner, process) = thread.run(self.0.launch(launch))?;
        Ok((Client { inner, thread }, process))
    }

    /// Completes the handshake on a connected stream. `peer` is the name of the server in errors.
    ///
    /// A [`Socket`](crate::Socket) can be created from a `UnixStream` (such as one end of a socket pair), a
    /// `TcpStream` or an `OwnedFd`. For any other stream, use
    /// [`BlockingStream`](crate::BlockingStream).
    ///
    /// # Errors
    ///
    /// Returns an error if the handshake fails.
    pub fn connect_over<S: Stream>(self, stream: S, peer: &str) -> Result<Client<S>, Error> {
        let (thread, transport) = Thread::over(stream);
        let (inner, driver) = self.0.build_over(transport, peer)?;
        thread.shared.spawn(driver);
        let client = Client { inner, thread };
        client.thread.run(client.inner.ready())?;
        Ok(client)
    }

    fn make(
        self,
        make: impl AsyncFnOnce(Inner) -> Result<qmp_driver::Client, Error>,
    ) -> Result<Client, Error> {
        let thread = Thread::new(&self.0.runtime().0);
        let inner = thread.run(make(self.0))?;
        Ok(Client { inner, thread })
    }
}
