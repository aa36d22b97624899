//! Building a connection.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ErrorKind;
use crate::{CloseReason, Error};
use qmp_proto::Direction;
use qmp_proto::{Address, Options};
use qmp_sockets::{ConnectError, Deadline, IntoAddress, PendingConnect};
#[cfg(unix)]
use qmp_sockets::{Launch, LaunchError, Launched, Process};

use crate::client::link::{Connecting, Origin, Task};
use crate::connection::Connection;
use crate::connection::common::Common;
use crate::connection::settings::Settings;
use crate::connection::wire::{Hook, Wire};
use crate::events::bus::Bus;
use crate::{Client, Driver, Runtime, Transport};

/// The default deadline for connecting and for the handshake.
const USUAL_DEADLINE: Duration = Duration::from_secs(10);

/// Builds a [`Client`] on the runtime `R`. Created by the `builder()` function of an adapter.
pub struct Builder<R> {
    settings: Settings,
    negotiated: bool,
    backlog: bool,
    hook: Option<Hook>,
    pub(crate) client: Option<Client>,
    pub(crate) connect_timeout: Duration,
    pub(crate) runtime: R,
}

impl<R: Default> Default for Builder<R> {
    fn default() -> Self {
        Self {
            settings: Settings {
                agent: false,
                enable: &[],
                handshake_timeout: USUAL_DEADLINE,
                timeout: None,
                tolerant: false,
                options: None,
            },
            negotiated: false,
            backlog: true,
            hook: None,
            client: None,
            connect_timeout: USUAL_DEADLINE,
            runtime: R::default(),
        }
    }
}

impl<R: Default> Builder<R> {
    /// Creates a builder for connections on this runtime.
    pub fn with_runtime(runtime: R) -> Self {
        Self { runtime, ..Self::default() }
    }
}

impl<R> Builder<R> {
    /// Returns the runtime.
    pub const fn runtime(&self) -> &R {
        &self.runtime
    }

    /// Returns whether the peer is a guest agent.
    pub const fn is_agent(&self) -> bool {
        self.settings.agent
    }

    /// Expects a guest agent as the peer.
    pub fn agent(mut self) -> Self {
        self.settings.agent = true;
        self
    }

    /// Expects that the monitor has already sent its greeting and that capabilities are negotiated,
    /// as on a connection taken over from another program. Commands are sent at once.
    pub fn negotiated(mut self) -> Self {
        self.negotiated = true;
        self
    }

    /// Enables out-of-band execution. Connecting fails if the server does not offer it.
    ///
    /// At most 7 in-band commands are then in flight, because QEMU stops reading when there are
    /// more.
    pub fn out_of_band(mut self) -> Self {
        self.settings.enable = &[qmp_proto::OUT_OF_BAND];
        self
    }

    /// Sets the deadline for connecting, or for waiting until a server connects. Default: 10
    /// seconds.
    #[doc(alias = "connect_deadline")]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the deadline for the handshake: greeting and negotiation, or the sync with an agent.
    /// Default: 10 seconds. A server that is busy, stopped or serving another client does not
    /// answer.
    #[doc(alias = "handshake_deadline")]
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.settings.handshake_timeout = timeout;
        self
    }

    /// Sets the default deadline of a command. Default: none.
    #[doc(alias = "deadline")]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = Some(timeout);
        self
    }

    /// Sets limits, and adapts to servers other than QEMU.
    pub fn options(mut self, options: Options) -> Self {
        self.settings.options = Some(options);
        self
    }

    /// Continues when a monitor sends bytes that are not a message. By default the connection is
    /// closed, because they may have been a reply.
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

    /// Calls `hook` with every message on the wire, including the handshake, as
    /// [`Client::watch_wire`] does. Passwords and other secrets are masked.
    pub fn on_wire(mut self, hook: impl FnMut(Direction, &[u8]) + Send + 'static) -> Self {
        self.hook = Some(Box::new(hook));
        self
    }

    /// Replaces the last connection of `client`, which must have ended. Subscriptions of the client
    /// continue, and nothing is sent again.
    ///
    /// [`Client::reconnect`] does this for the same address. Use this method if the server connects
    /// to the client, is launched again, or has moved to another address.
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

    /// Builds the client on a connected stream, and returns it with its driver. Spawn the driver:
    /// nothing happens unless it is polled. `peer` is the name of the server in errors.
    ///
    /// The handshake begins when the driver is first polled. [`Client::ready`] waits for its end,
    /// and commands that are sent earlier wait for it, too.
    ///
    /// # Errors
    ///
    /// Returns an error if a client is [reconnecting](Self::reconnecting) whose connection has not
    /// ended.
    pub fn build_over(
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
                let connection = Connection::new(machine, 0, common, settings, peer);
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
    /// Connects to a server, completes the handshake and spawns the driver.
    ///
    /// Cancel-safe: if the future is dropped before it completes, the connection is closed.
    ///
    /// # Errors
    ///
    /// Returns an error if the address cannot be parsed, if nothing listens there, or if no
    /// greeting arrives before the deadline, for example because another client is connected. The
    /// error states which, and what to do.
    pub async fn connect(self, address: impl IntoAddress) -> Result<Client, Error> {
        let runtime = self.runtime.clone();
        let (client, driver) = self.connect_unspawned(address).await?;
        driver.spawn_on(&runtime);
        client.ready().await?;
        Ok(client)
    }

    /// Connects to a server, and returns the client and the driver for the caller to spawn.
    /// [`Client::ready`] then waits for the handshake.
    ///
    /// # Errors
    ///
    /// Returns an error if the address cannot be parsed or if nothing listens there.
    pub async fn connect_unspawned(
        mut self,
        address: impl IntoAddress,
    ) -> Result<(Client, Driver), Error> {
        let address = address.into_address()?;
        let is_agent = self.settings.agent;
        let dialed = dial(&self.runtime, address.clone(), self.connect_timeout).await;
        let transport = dialed.map_err(|error| if is_agent { error.for_agent() } else { error })?;
        self.open_at(transport, address)
    }

    /// Creates a client that can reconnect to this address.
    pub(crate) fn open_at(
        &mut self,
        transport: Arc<dyn Transport>,
        address: Address,
    ) -> Result<(Client, Driver), Error> {
        let (client, driver) = self.open_on(transport, &address.to_string())?;
        client.link().set_origin(Arc::new(Dialed {
            runtime: self.runtime.clone(),
            address,
            deadline: self.connect_timeout,
        }));
        Ok((client, driver))
    }

    /// Accepts a connection from a server (`-qmp unix:PATH` without `server=on`), completes the
    /// handshake and spawns the driver.
    ///
    /// Cancel-safe: if the future is dropped before it completes, the connection is closed. A
    /// connection that was not accepted yet waits for the next call.
    ///
    /// # Errors
    ///
    /// Returns an error if no server connects before the deadline for connecting, or if the
    /// handshake fails.
    pub async fn accept(mut self, listener: &R::Listener) -> Result<Client, Error> {
        let started = Instant::now();
        let deadline = started.checked_add(self.connect_timeout);
        loop {
            let (socket, address) = self.runtime.accept(listener, deadline).await?;
            let transport = self.runtime.transport(socket);
            let transport = transport.map_err(|error| ConnectError::listening(&address, error))?;
            let (client, driver) = self.open_on(Arc::new(transport), &address.to_string())?;
            driver.spawn_on(&self.runtime);
            let expired = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            match client.ready().await {
                // The peer only probed whether anything listens.
                Err(error) if is_hang_up(&error) && !expired => self.client = Some(client),
                ready => return ready.map(|()| client),
            }
        }
    }

    /// Starts QEMU or the storage daemon with a connection to it, completes the handshake and
    /// spawns the driver. Keep the [`Process`]: dropping it kills the program.
    ///
    /// In this example, `builder` comes from the `builder()` function of an adapter:
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
    /// Cancel-safe: if the future is dropped before it completes, the connection is closed and the
    /// program is killed.
    ///
    /// # Errors
    ///
    /// Returns an error if the program cannot be started, or if the handshake fails; the program is
    /// then killed. If the program has exited ([`ErrorKind::ProcessExited`]), for example because it rejected an
    /// option, the error is returned at once and quotes its standard error.
    #[cfg(unix)]
    pub async fn launch(self, launch: Launch) -> Result<(Client, Process), Error> {
        let runtime = self.runtime.clone();
        let launched = runtime.unblock(|| launch.spawn()).await?;
        let Launched { socket, mut process, .. } = launched;
        let transport =
            runtime.transport(socket).map_err(|error| LaunchError::new(process.name(), error))?;
        match self.connect_over(transport, &process.to_string()).await {
            Ok(client) => Ok((client, process)),
            // If the program has died, that is the better explanation.
            Err(error) if error.is_disconnected() => {
                let death = runtime.unblock(move || process.exit_report()).await;
                Err(death.map_or(error, |died| ErrorKind::ProcessExited(died).into()))
            }
            Err(error) => Err(error),
        }
    }

    /// Completes the handshake on a connected stream and spawns the driver. `peer` is the name of
    /// the server in errors.
    ///
    /// # Errors
    ///
    /// Returns an error if the handshake fails.
    pub async fn connect_over(
        self,
        transport: impl Transport,
        peer: &str,
    ) -> Result<Client, Error> {
        let runtime = self.runtime.clone();
        let (client, driver) = self.build_over(transport, peer)?;
        driver.spawn_on(&runtime);
        client.ready().await?;
        Ok(client)
    }
}

/// A connection that was made from here.
struct Dialed<R> {
    runtime: R,
    address: Address,
    deadline: Duration,
}

impl<R: Runtime> Origin for Dialed<R> {
    fn address(&self) -> &Address {
        &self.address
    }

    fn connect(&self) -> Connecting {
        let (runtime, address, deadline) =
            (self.runtime.clone(), self.address.clone(), self.deadline);
        Box::pin(async move { Ok(dial(&runtime, address, deadline).await?) })
    }

    fn spawn_driver(&self, driver: Driver) {
        driver.spawn_on(&self.runtime);
    }

    fn spawn(&self, task: Task) {
        self.runtime.spawn(task);
    }
}

pub(crate) async fn dial<R: Runtime>(
    runtime: &R,
    address: Address,
    deadline: Duration,
) -> Result<Arc<dyn Transport>, ConnectError> {
    let mut pending = PendingConnect::new(address, Deadline::after(deadline));
    // No thread waits here, so nothing is left behind when the caller gives up.
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
    use crate::ErrorKind::Disconnected;
    match error.kind() {
        Disconnected { reason, .. } => !matches!(reason, CloseReason::ByUs),
        _ => false,
    }
}

impl<R> fmt::Debug for Builder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("settings", &self.settings)
            .field("negotiated", &self.negotiated)
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}
