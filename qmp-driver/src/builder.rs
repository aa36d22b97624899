//! How a connection is made.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qmp_proto::{Options, Output};
#[cfg(unix)]
use qmp_sockets::{Cause, Launch, Launched, Process};
use qmp_sockets::{ConnectError, Deadline, Disconnect, Error, IntoAddress, connect, nonce};

use crate::machine::{Handshake, Lifecycle, Machine, Writer};
use crate::shared::Shared;
use crate::waits::Waits;
use crate::{Client, Driver, Runtime, Transport};

/// How long connecting and the handshake may take unless set.
const USUAL_DEADLINE: Duration = Duration::from_secs(10);

/// Makes a [`Client`], on the runtime `R`. The adapters' `builder()` makes one.
pub struct Builder<R> {
    settings: Settings,
    negotiated: bool,
    options: Option<Options>,
    connect_deadline: Duration,
    runtime: PhantomData<fn() -> R>,
}

/// What a connection keeps of it.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) agent: bool,
    pub(crate) enable: &'static [&'static str],
    pub(crate) handshake_deadline: Duration,
    pub(crate) deadline: Option<Duration>,
    pub(crate) tolerant: bool,
}

impl<R> Default for Builder<R> {
    fn default() -> Self {
        Self {
            settings: Settings {
                agent: false,
                enable: &[],
                handshake_deadline: USUAL_DEADLINE,
                deadline: None,
                tolerant: false,
            },
            negotiated: false,
            options: None,
            connect_deadline: USUAL_DEADLINE,
            runtime: PhantomData,
        }
    }
}

impl<R> Builder<R> {
    /// The other end is a guest agent.
    pub fn agent(mut self) -> Self {
        self.settings.agent = true;
        self
    }

    /// The monitor has greeted already and capabilities are negotiated, on a connection that
    /// somebody handed over: nothing is awaited before the first command.
    pub fn negotiated(mut self) -> Self {
        self.negotiated = true;
        self
    }

    /// Enables out-of-band execution. It is an error if the server does not offer it.
    ///
    /// Then at most 7 in-band commands may be in flight, for with more QEMU would stop reading.
    pub fn out_of_band(mut self) -> Self {
        self.settings.enable = &[qmp_proto::OUT_OF_BAND];
        self
    }

    /// How long connecting may take, or waiting for a server to connect to us: 10 seconds unless
    /// set.
    pub fn connect_deadline(mut self, deadline: Duration) -> Self {
        self.connect_deadline = deadline;
        self
    }

    /// How long greeting and negotiation, or the sync, may take: 10 seconds unless set. A busy
    /// server, a stopped one and one that serves another client all look like silence.
    pub fn handshake_deadline(mut self, deadline: Duration) -> Self {
        self.settings.handshake_deadline = deadline;
        self
    }

    /// How long a command may take unless it says otherwise: for ever unless set.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = Some(deadline);
        self
    }

    /// Limits, and habits of servers other than QEMU.
    pub fn options(mut self, options: Options) -> Self {
        self.options = Some(options);
        self
    }

    /// Goes on when a monitor sends bytes that are no message, where otherwise the connection ends:
    /// an answer may be lost in them.
    pub fn tolerate_malformed(mut self) -> Self {
        self.settings.tolerant = true;
        self
    }

    /// Takes a connected stream, and gives back the client and the driver, which has to be polled
    /// for anything to happen: spawn it. Errors call the other end `peer`.
    ///
    /// The handshake begins when the driver is polled; [`Client::ready`] waits for its end, and
    /// commands that are sent before wait for it, too.
    pub fn open_over(&self, transport: impl Transport, peer: &str) -> (Client, Driver) {
        let settings = self.settings.clone();
        let options = self.options.clone();
        let client = if settings.agent {
            qmp_proto::Client::agent(options.unwrap_or(Options::agent()))
        } else if self.negotiated {
            qmp_proto::Client::negotiated(options.unwrap_or_default(), nonce())
        } else {
            qmp_proto::Client::monitor(options.unwrap_or_default())
        };
        let transport: Arc<dyn Transport> = Arc::new(transport);
        let handshake = (settings.agent || !self.negotiated).then(|| {
            let waited = settings.handshake_deadline;
            Handshake::begin(transport.now(), waited, settings.agent, true)
        });
        let machine = Machine {
            client,
            output: Output::new(),
            waits: Waits::default(),
            lifecycle: Lifecycle { handshake, ..Lifecycle::default() },
            transport: Some(Arc::clone(&transport)),
            driver: None,
            armed: None,
            writer: Writer::Anyone,
        };
        let shared = Arc::new(Shared::new(machine, settings, peer));
        let driver = Driver::new(Arc::clone(&shared), transport);
        (Client::new(shared), driver)
    }
}

impl<R: Runtime> Builder<R> {
    /// Connects to a server, goes through the handshake and spawns the driver.
    ///
    /// Cancel-safe: dropped half way, the connection is closed.
    ///
    /// # Errors
    ///
    /// If the address cannot be understood, nobody listens there, or nobody greets in time, as when
    /// another client is connected. The error says which, and what to do.
    pub async fn connect(self, address: impl IntoAddress) -> Result<Client, Error> {
        let (client, driver) = self.open(address).await?;
        R::spawn(driver);
        client.ready().await?;
        Ok(client)
    }

    /// Connects to a server, and gives back the client and the driver, to be spawned by the caller;
    /// then [`Client::ready`] waits for the handshake.
    ///
    /// # Errors
    ///
    /// If the address cannot be understood or nobody listens there.
    pub async fn open(self, address: impl IntoAddress) -> Result<(Client, Driver), Error> {
        let address = address.into_address()?;
        let peer = address.to_string();
        let deadline = Deadline::after(self.connect_deadline).instant();
        let (socket, address) = R::unblock(move || (connect(&address, deadline), address)).await;
        let transport = R::transport(socket?);
        let transport = transport.map_err(|error| ConnectError::new(&address, error))?;
        Ok(self.open_over(transport, &peer))
    }

    /// Waits for a server to connect to us (`-qmp unix:PATH` without `server=on`), goes through the
    /// handshake and spawns the driver.
    ///
    /// Cancel-safe: dropped half way, the connection is closed; one that was not accepted yet waits
    /// for the next call.
    ///
    /// # Errors
    ///
    /// If none does within the deadline of connecting, or the handshake fails.
    pub async fn accept(self, listener: &R::Listener) -> Result<Client, Error> {
        let started = Instant::now();
        let deadline = started.checked_add(self.connect_deadline);
        loop {
            let (socket, address) = R::accept(listener, deadline).await?;
            let transport = R::transport(socket);
            let transport = transport.map_err(|error| ConnectError::listening(&address, error))?;
            let (client, driver) = self.open_over(transport, &address.to_string());
            R::spawn(driver);
            let expired = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            match client.ready().await {
                // Somebody who only looked whether anybody listens.
                Err(error) if is_hang_up(&error) && !expired => {}
                ready => return ready.map(|()| client),
            }
        }
    }

    /// Starts QEMU or the storage daemon, connected from its first moment, goes through the
    /// handshake and spawns the driver. Keep the [`Process`]: dropped, it is killed.
    ///
    /// The adapter's `builder()` goes on like this:
    ///
    /// ```no_run
    /// # use qmp_driver::{Builder, Launch, Runtime};
    /// # async fn example<R: Runtime>(builder: Builder<R>) -> Result<(), Box<dyn std::error::Error>> {
    /// let launch = Launch::qemu("qemu-system-x86_64").args(["-M", "q35", "-display", "none"]);
    /// let (qemu, mut process) = builder.launch(launch).await?;
    /// qemu.execute("quit").await?;
    /// qemu.closed().await;
    /// println!("{}", process.wait()?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Cancel-safe: dropped half way, the connection is closed and the program killed.
    ///
    /// # Errors
    ///
    /// If the program cannot be started, or the handshake fails. If that is because the program has
    /// ended ([`Cause::Died`]), as after an option that it does not like, the error comes at once
    /// and tells what it said. In any case it is killed.
    #[cfg(unix)]
    pub async fn launch(self, launch: Launch) -> Result<(Client, Process), Error> {
        let launched = R::unblock(|| launch.spawn()).await?;
        let Launched { socket, process, .. } = launched;
        let transport = R::transport(socket)
            .map_err(|error| Cause::Launch { program: process.name().to_owned(), error })?;
        match self.over(transport, &process.to_string()).await {
            Ok(client) => Ok((client, process)),
            Err(error) => Err(R::unblock(|| process.explain(error)).await),
        }
    }

    /// Takes a connected stream, goes through the handshake and spawns the driver; errors call the
    /// other end `peer`.
    ///
    /// # Errors
    ///
    /// If the handshake fails.
    pub async fn over(self, transport: impl Transport, peer: &str) -> Result<Client, Error> {
        let (client, driver) = self.open_over(transport, peer);
        R::spawn(driver);
        client.ready().await?;
        Ok(client)
    }
}

fn is_hang_up(error: &Error) -> bool {
    use qmp_sockets::Cause::Disconnected;
    match error.cause() {
        Disconnected { reason, .. } => !matches!(reason, Disconnect::ByUs),
        _ => false,
    }
}

impl<R> fmt::Debug for Builder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("settings", &self.settings)
            .field("negotiated", &self.negotiated)
            .field("connect_deadline", &self.connect_deadline)
            .finish_non_exhaustive()
    }
}
