//! Building the server's end of a connection.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{Error, ErrorKind};
use qmp_proto::Output;
use qmp_proto::server::{Options, Server};
use qmp_sockets::{ConnectError, IntoAddress};

use crate::builder::dial;
use crate::server::connection::Connection;
use crate::server::connection::machine::Machine;
use crate::server::connection::settings::Settings;
use crate::server::driver::Policy;
use crate::server::{ClientConnection, Driver};
use crate::{RawJson, Runtime, Transport};

/// The default deadline for connecting, and for a client to read while the connection is closed.
const USUAL_DEADLINE: Duration = Duration::from_secs(10);
/// The default limit of buffered events in bytes: enough for about 100,000 events.
const MOST_UNSENT: usize = 16 * 1024 * 1024;

/// Serves any number of clients on the runtime `R`. Created by the `server()` function of an
/// adapter.
pub struct Builder<R> {
    settings: Settings,
    runtime: R,
}

impl<R: Default> Default for Builder<R> {
    fn default() -> Self {
        Self {
            settings: Settings {
                agent: false,
                options: None,
                greeting: None,
                unsent_limit: MOST_UNSENT,
                accept_timeout: None,
                close_timeout: USUAL_DEADLINE,
                garbage_ends: false,
            },
            runtime: R::default(),
        }
    }
}

impl<R> Builder<R> {
    /// Returns the same settings for another runtime.
    pub fn with_runtime<Q>(self, runtime: Q) -> Builder<Q> {
        Builder { settings: self.settings, runtime }
    }

    /// Behaves like a guest agent instead of a monitor: without greeting, negotiation and events.
    pub fn agent(mut self) -> Self {
        self.settings.agent = true;
        self
    }

    /// Sets the version and capabilities in the greeting, and the limits of the server. Default:
    /// [`Options::monitor`], or [`Options::agent`] for an agent.
    pub fn options(mut self, options: Options) -> Self {
        self.settings.options = Some(options);
        self
    }

    /// Sets the greeting, a JSON object, for example to forward the greeting of another server. The
    /// capabilities that are granted still depend on the options.
    pub fn greeting(mut self, greeting: RawJson<'_>) -> Self {
        self.settings.greeting = Some(greeting.as_str().into());
        self
    }

    /// Sets how many bytes of events are buffered for a client that does not read, before its
    /// connection is closed. Default: 16 MiB. `usize::MAX` means no limit, as in QEMU.
    pub fn unsent_limit(mut self, bytes: usize) -> Self {
        self.settings.unsent_limit = bytes;
        self
    }

    /// Sets how long [`accept`](Self::accept) waits for a client. Default: forever.
    pub fn accept_timeout(mut self, timeout: Duration) -> Self {
        self.settings.accept_timeout = Some(timeout);
        self
    }

    /// Sets how long closing waits while the client reads nothing. Default: 10 seconds. After that,
    /// unsent output is discarded.
    #[doc(alias = "close_deadline")]
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.settings.close_timeout = timeout;
        self
    }

    /// Closes the connection of a monitor's client after an error reply if it sends something that
    /// is not JSON. By default the connection stays open, as in QEMU.
    ///
    /// Use this on TCP, where a web page can make a browser send commands after its HTTP headers.
    pub fn close_on_invalid_input(mut self) -> Self {
        self.settings.garbage_ends = true;
        self
    }

    /// Serves the client on a connected stream, and returns its commands and the driver. Spawn the
    /// driver: nothing happens unless it is polled. `peer` is the name of the client in errors.
    ///
    /// # Errors
    ///
    /// Returns an error if the [greeting](Self::greeting) is not an object.
    pub fn build_over(
        &self,
        transport: impl Transport,
        peer: &str,
    ) -> Result<(ClientConnection, Driver), Error> {
        self.open_on(Arc::new(transport), peer)
    }

    fn open_on(
        &self,
        transport: Arc<dyn Transport>,
        peer: &str,
    ) -> Result<(ClientConnection, Driver), Error> {
        let Settings { agent, options, greeting, .. } = &self.settings;
        let mut server = match agent {
            true => Server::agent(options.clone().unwrap_or(Options::agent())),
            false => Server::monitor(options.clone().unwrap_or_default()),
        };
        let mut output = Output::new();
        let greeted = match greeting {
            Some(greeting) if !agent => RawJson::parse(greeting)
                .map_err(Into::into)
                .and_then(|greeting| server.greet_with(&mut output, greeting)),
            _ => server.greet(&mut output).map_err(Into::into),
        };
        greeted.map_err(|refusal| Error::new(ErrorKind::NotSent(refusal)))?;
        let machine = Machine::new(server, output, &self.settings, Arc::clone(&transport));
        let connection = Arc::new(Connection::new(machine, peer));
        let manners = Policy {
            garbage_ends: self.settings.garbage_ends && !agent,
            close_timeout: self.settings.close_timeout,
        };
        let driver = Driver::new(Arc::clone(&connection), transport, manners);
        Ok((ClientConnection::new(connection), driver))
    }
}

impl<R: Runtime> Builder<R> {
    /// Waits until a client connects, spawns the driver and sends the greeting.
    ///
    /// Until the next call, further clients wait in the listener's backlog without a greeting, as
    /// with QEMU, which serves one client at a time. To serve many, spawn a task for each client
    /// and call this again at once.
    ///
    /// Cancel-safe: a client that was not accepted yet waits for the next call.
    ///
    /// # Errors
    ///
    /// Returns an error if the [deadline](Self::accept_timeout) passes, if the operating system
    /// fails, for example because too many files are open, and in the cases of
    /// [`build_over`](Self::build_over).
    pub async fn accept(&self, listener: &R::Listener) -> Result<ClientConnection, Error> {
        let timeout = self.settings.accept_timeout;
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let (socket, address) = self.runtime.accept(listener, deadline).await?;
        let transport = self.runtime.transport(socket);
        let transport = transport.map_err(|error| ConnectError::listening(&address, error))?;
        self.serve_over(transport, &address.to_string())
    }

    /// Connects to a client that listens, as QEMU does with `-qmp unix:PATH` without `server=on`;
    /// spawns the driver and sends the greeting. Connecting has a deadline of 10 seconds.
    ///
    /// Cancel-safe: if the future is dropped before it completes, the connection is closed.
    ///
    /// # Errors
    ///
    /// Returns an error if the address cannot be parsed or if nothing listens there, and in the
    /// cases of [`build_over`](Self::build_over).
    pub async fn connect(&self, address: impl IntoAddress) -> Result<ClientConnection, Error> {
        let address = address.into_address()?;
        let transport = dial(&self.runtime, address.clone(), USUAL_DEADLINE).await?;
        let (commands, driver) = self.open_on(transport, &address.to_string())?;
        self.runtime.spawn(driver);
        Ok(commands)
    }

    /// Serves the client on a connected stream, and spawns the driver. `peer` is the name of the
    /// client in errors.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`build_over`](Self::build_over).
    pub fn serve_over(
        &self,
        transport: impl Transport,
        peer: &str,
    ) -> Result<ClientConnection, Error> {
        let (commands, driver) = self.build_over(transport, peer)?;
        self.runtime.spawn(driver);
        Ok(commands)
    }
}

impl<R: Clone> Clone for Builder<R> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone(), runtime: self.runtime.clone() }
    }
}

impl<R> fmt::Debug for Builder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
