//! How a connection is made.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Cause;
use crate::{Disconnect, Error};
use qmp_proto::Direction;
use qmp_proto::{Address, Options};
use qmp_sockets::{ConnectError, Deadline, IntoAddress, PendingConnect};
#[cfg(unix)]
use qmp_sockets::{Launch, LaunchError, Launched, Process};

use crate::client::link::{Connecting, Origin};
use crate::connection::Connection;
use crate::connection::common::Common;
use crate::connection::settings::Settings;
use crate::connection::wire::{Hook, Wire};
use crate::events::bus::Bus;
use crate::{Client, Driver, Runtime, Transport};

/// How long connecting and the handshake may take unless set.
const USUAL_DEADLINE: Duration = Duration::from_secs(10);

/// Makes a [`Client`], on the runtime `R`. The adapters' `builder()` makes one.
pub struct Builder<R> {
    settings: Settings,
    negotiated: bool,
    backlog: bool,
    hook: Option<Hook>,
    pub(crate) client: Option<Client>,
    pub(crate) connect_deadline: Duration,
    pub(crate) runtime: R,
}

impl<R: Default> Default for Builder<R> {
    fn default() -> Self {
        Self {
            settings: Settings {
                agent: false,
                enable: &[],
                handshake_deadline: USUAL_DEADLINE,
                deadline: None,
                tolerant: false,
                options: None,
            },
            negotiated: false,
            backlog: true,
            hook: None,
            client: None,
            connect_deadline: USUAL_DEADLINE,
            runtime: R::default(),
        }
    }
}

impl<R: Default> Builder<R> {
    /// A builder for connections on this runtime.
    pub fn with_runtime(runtime: R) -> Self {
        Self { runtime, ..Self::default() }
    }
}

impl<R> Builder<R> {
    /// The runtime.
    pub const fn runtime(&self) -> &R {
        &self.runtime
    }

    /// Whether the peer is a guest agent.
    pub const fn is_agent(&self) -> bool {
        self.settings.agent
    }

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
        self.settings.options = Some(options);
        self
    }

    /// Goes on when a monitor sends bytes that are no message, where otherwise the connection ends:
    /// an answer may be lost in them.
    pub fn tolerate_malformed(mut self) -> Self {
        self.settings.tolerant = true;
        self
    }

    /// Keeps no events for [`with_backlog`](crate::SubscriptionBuilder::with_backlog) before the first
    /// subscription.
    pub fn without_backlog(mut self) -> Self {
        self.backlog = false;
        self
    }

    /// Shows every message on the wire to `hook`, the handshake's too, with passwords and other
    /// secrets masked; as [`Client::watch_wire`] does.
    pub fn on_wire(mut self, hook: impl FnMut(Direction, &[u8]) + Send + 'static) -> Self {
        self.hook = Some(Box::new(hook));
        self
    }

    /// The new connection is to take the place of the last one of `client`, which has ended: its
    /// subscriptions stay, and nothing is sent again. [`Client::reconnect`] is the short way to the
    /// same address; this one is for a server that connects to us, that is started anew, or is
    /// elsewhere.
    ///
    /// ```no_run
    /// # use qmp_driver::{Builder, Client, Error, Runtime};
    /// # async fn example<R: Runtime>(
    /// #     builder: Builder<R>,
    /// #     qemu: Client,
    /// #     listener: R::Listener,
    /// # ) -> Result<(), Error> {
    /// qemu.closed().await;
    /// builder.reconnecting(&qemu).accept(&listener).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reconnecting(mut self, client: &Client) -> Self {
        self.client = Some(client.clone());
        self
    }

    /// Takes a connected stream, and gives back the client and the driver, which has to be polled
    /// for anything to happen: spawn it. Errors call the other end `peer`.
    ///
    /// The handshake begins when the driver is polled; [`Client::ready`] waits for its end, and
    /// commands that are sent before wait for it, too.
    ///
    /// # Errors
    ///
    /// If a client is to [reconnect](Self::reconnecting) whose connection stands.
    pub fn open_over(
        mut self,
        transport: impl Transport,
        peer: &str,
    ) -> Result<(Client, Driver), Error> {
        self.open_on(Arc::new(transport), peer)
    }

    fn open_on(
        &mut self,
        transport: Arc<dyn Transport>,
        peer: &str,
    ) -> Result<(Client, Driver), Error> {
        let machine = self.settings.machine(Arc::clone(&transport), self.negotiated);
        let settings = Arc::new(self.settings.clone());
        let (client, connection) = match self.client.take() {
            Some(client) => {
                let connection = client.link().replace(machine, settings, peer)?;
                (client, connection)
            }
            None => {
                let common = Common { bus: Bus::new(self.backlog), wire: Wire::default() };
                let common = Arc::new(common);
                let connection = Arc::new(Connection::new(machine, 0, common, settings, peer));
                (Client::new(Arc::clone(&connection)), connection)
            }
        };
        if let Some(hook) = self.hook.take() {
            connection.common.wire.watch(hook);
        }
        Ok((client, Driver::new(connection, transport)))
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
        let runtime = self.runtime.clone();
        let (client, driver) = self.open(address).await?;
        runtime.spawn(driver);
        client.ready().await?;
        Ok(client)
    }

    /// Connects to a server, and gives back the client and the driver, to be spawned by the caller;
    /// then [`Client::ready`] waits for the handshake.
    ///
    /// # Errors
    ///
    /// If the address cannot be understood or nobody listens there.
    pub async fn open(mut self, address: impl IntoAddress) -> Result<(Client, Driver), Error> {
        let address = address.into_address()?;
        let transport = dial(&self.runtime, address.clone(), self.connect_deadline).await?;
        self.open_at(transport, address)
    }

    /// A client that can go back there.
    pub(crate) fn open_at(
        &mut self,
        transport: Arc<dyn Transport>,
        address: Address,
    ) -> Result<(Client, Driver), Error> {
        let (client, driver) = self.open_on(transport, &address.to_string())?;
        let runtime = self.runtime.clone();
        let connect = move |address, deadline| -> Connecting {
            let runtime = runtime.clone();
            Box::pin(async move { dial(&runtime, address, deadline).await })
        };
        let runtime = self.runtime.clone();
        client.link().set_origin(Origin {
            address,
            deadline: self.connect_deadline,
            connect: Arc::new(connect),
            spawn: Arc::new(move |driver| runtime.spawn(driver)),
        });
        Ok((client, driver))
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
    pub async fn accept(mut self, listener: &R::Listener) -> Result<Client, Error> {
        let started = Instant::now();
        let deadline = started.checked_add(self.connect_deadline);
        loop {
            let (socket, address) = self.runtime.accept(listener, deadline).await?;
            let transport = self.runtime.transport(socket);
            let transport = transport.map_err(|error| ConnectError::listening(&address, error))?;
            let (client, driver) = self.open_on(Arc::new(transport), &address.to_string())?;
            self.runtime.spawn(driver);
            let expired = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            match client.ready().await {
                // Somebody who only looked whether anybody listens.
                Err(error) if is_hang_up(&error) && !expired => self.client = Some(client),
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
        let runtime = self.runtime.clone();
        let launched = runtime.unblock(|| launch.spawn()).await?;
        let Launched { socket, mut process, .. } = launched;
        let transport =
            runtime.transport(socket).map_err(|error| LaunchError::new(process.name(), error))?;
        match self.over(transport, &process.to_string()).await {
            Ok(client) => Ok((client, process)),
            // It may have died; that says more than the end of the connection.
            Err(error) if error.is_disconnected() => {
                let death = runtime.unblock(move || process.death()).await;
                Err(death.map_or(error, |died| Cause::Died(died).into()))
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a connected stream, goes through the handshake and spawns the driver; errors call the
    /// other end `peer`.
    ///
    /// # Errors
    ///
    /// If the handshake fails.
    pub async fn over(self, transport: impl Transport, peer: &str) -> Result<Client, Error> {
        let runtime = self.runtime.clone();
        let (client, driver) = self.open_over(transport, peer)?;
        runtime.spawn(driver);
        client.ready().await?;
        Ok(client)
    }
}

pub(crate) async fn dial<R: Runtime>(
    runtime: &R,
    address: Address,
    deadline: Duration,
) -> Result<Arc<dyn Transport>, Error> {
    let mut pending = PendingConnect::new(address, Deadline::after(deadline));
    // No thread waits for it, so nothing is left of it when the caller gives up.
    let socket = loop {
        match pending.try_connect() {
            Some(connected) => break connected?,
            None => runtime.sleep_until(pending.next_try()).await,
        }
    };
    let transport = runtime.transport(socket);
    Ok(Arc::new(transport.map_err(|error| ConnectError::new(pending.address(), error))?))
}

fn is_hang_up(error: &Error) -> bool {
    use crate::Cause::Disconnected;
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
