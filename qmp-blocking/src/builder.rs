//! How a connection is made.

use std::fmt;
use std::future::Future;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use qmp_driver::{Caller, Direction, Error, IntoAddress, Options, Socket};
#[cfg(unix)]
use qmp_driver::{Launch, Process};
use qmp_sockets::Listener;

use crate::client::Client;
use crate::stream::Stream;
use crate::thread::{CallerThread, Thread};

/// Makes a [`Client`]. [`builder`](crate::builder()) makes one.
///
/// ```no_run
/// use std::time::Duration;
///
/// let qemu = qmp_blocking::builder()
///     .out_of_band()
///     .handshake_deadline(Duration::from_secs(60))
///     .on_wire(|direction, message| eprintln!("{direction:?} {}", String::from_utf8_lossy(message)))
///     .connect("tcp:localhost:4444")?;
/// # Ok::<(), qmp_blocking::Error>(())
/// ```
#[derive(Default)]
pub struct Builder(Inner);

type Inner = qmp_driver::Builder<CallerThread>;

impl Builder {
    settings! {
        /// The peer is a guest agent.
        agent();
        /// The monitor has greeted already and capabilities are negotiated, on a connection that was
        /// handed over: nothing is awaited before the first command.
        negotiated();
        /// Enables out-of-band execution. It is an error if the server does not offer it.
        ///
        /// Then at most 7 in-band commands are in flight, since with more QEMU would stop reading.
        out_of_band();
        /// Sets how long connecting may take, or waiting for a server to connect. Default: 10 seconds.
        connect_deadline(deadline: Duration);
        /// Sets how long greeting and negotiation, or the sync, may take. Default: 10 seconds. A busy
        /// server, a stopped one and one that serves another client all look like silence.
        handshake_deadline(deadline: Duration);
        /// Sets how long a command may take by default. Default: forever.
        deadline(deadline: Duration);
        /// Sets limits, and habits of servers other than QEMU.
        options(options: Options);
        /// Goes on when a monitor sends bytes that are not a message, where by default the connection
        /// ends: an answer may be lost in them.
        tolerate_malformed();
        /// Keeps no events for [`with_backlog`](crate::SubscriptionBuilder::with_backlog) before the first
        /// subscription.
        without_backlog();
        /// Shows every message on the wire to `hook`, including the handshake's, with passwords and other
        /// secrets masked, and without its line end.
        on_wire(hook: impl FnMut(Direction, &[u8]) + Send + 'static);
    }

    /// Connects to a server.
    ///
    /// # Errors
    ///
    /// As [`connect`](crate::connect()).
    pub fn connect(self, address: impl IntoAddress) -> Result<Client, Error> {
        let address = address.into_address()?;
        self.make(|builder| builder.connect(address))
    }

    /// Connects to a server that may still be starting: tries until it listens and the handshake has
    /// begun, until its process ends, or until the deadline of connecting.
    ///
    /// Between two attempts, which are 50 ms apart at most, `has_ended` checks the process without
    /// waiting: `|| child.try_wait()`, or `|| Ok(None)` if nothing is known of it. An error of its own
    /// ends the attempts, too.
    ///
    /// [`launch`](Self::launch) needs none of this, and can quote a QEMU that does not like its
    /// options.
    ///
    /// ```no_run
    /// use std::process::Command;
    ///
    /// let mut child = Command::new("qemu-system-x86_64")
    ///     .args(["-display", "none", "-qmp", "unix:/run/vm.qmp,server=on,wait=off"])
    ///     .spawn()?;
    /// let builder = qmp_blocking::builder();
    /// let qemu = builder.connect_when_up("unix:/run/vm.qmp", || child.try_wait())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Cause::EndedEarly`](crate::Cause::EndedEarly), soon, if the process has ended; the last
    /// attempt's error if the deadline has passed. Permanent errors are returned immediately: that the
    /// address cannot be parsed, is not permitted or not a socket, and all that
    /// [`connect`](Self::connect) returns once a server listens.
    pub fn connect_when_up(
        self,
        address: impl IntoAddress,
        has_ended: impl FnMut() -> io::Result<Option<ExitStatus>>,
    ) -> Result<Client, Error> {
        self.make(|builder| builder.connect_when_up(address, has_ended))
    }

    /// Waits for a server to connect: `-qmp unix:PATH` without `server=on`.
    ///
    /// # Errors
    ///
    /// If none does within the deadline of connecting, or the handshake fails.
    pub fn accept(self, listener: &Listener) -> Result<Client, Error> {
        self.make(|builder| builder.accept(listener))
    }

    /// Starts QEMU or the storage daemon, connected from its first moment, and completes the
    /// handshake. Keep the [`Process`]: dropped, it is killed.
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
    /// If the program cannot be started, or the handshake fails. If that is because the program has
    /// ended ([`Cause::Died`](crate::Cause::Died)), as after an option that it does not like, the
    /// error quotes its standard error. In any case it is killed.
    #[cfg(unix)]
    pub fn launch(self, launch: Launch) -> Result<(Client, Process), Error> {
        let thread = Thread::of(self.0.runtime());
        let (client, process) = thread.run(self.0.launch(launch))?;
        Ok((Client::new(client, thread), process))
    }

    /// Takes a stream that is connected already, and completes the handshake on it; errors call the
    /// peer `peer`.
    ///
    /// A [`Socket`] is made of a `UnixStream` (one end of a socket pair, for example), a `TcpStream`
    /// or an `OwnedFd`; [`BlockingStream`](crate::BlockingStream) takes anything else.
    ///
    /// # Errors
    ///
    /// If the handshake fails.
    pub fn over<S: Stream>(self, stream: S, peer: &str) -> Result<Client<S>, Error> {
        let (thread, transport) = Thread::over(stream);
        let (client, driver) = self.0.open_over(transport, peer)?;
        thread.spawn(driver);
        let client = Client::new(client, thread);
        client.thread.run(client.inner.ready())?;
        Ok(client)
    }

    fn make<F>(self, make: impl FnOnce(Inner) -> F) -> Result<Client, Error>
    where
        F: Future<Output = Result<qmp_driver::Client, Error>>,
    {
        let thread = Thread::<Socket>::of(self.0.runtime());
        let client = thread.run(make(self.0))?;
        Ok(Client::new(client, thread))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[allow(dead_code)]
fn a_client_can_be_sent_to_another_thread(client: Client<Socket>) -> impl Send {
    client
}
