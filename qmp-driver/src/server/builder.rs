//! How a client comes to be served.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{Cause, Error};
use qmp_proto::Output;
use qmp_proto::server::{Options, Server};
use qmp_sockets::{ConnectError, IntoAddress};

use crate::builder::dial;
use crate::server::connection::Connection;
use crate::server::connection::machine::Machine;
use crate::server::connection::settings::Settings;
use crate::server::driver::Manners;
use crate::server::{Commands, Driver};
use crate::{Json, Runtime, Transport};

/// How long connecting may take, and a client may read nothing while we close.
const USUAL_DEADLINE: Duration = Duration::from_secs(10);
/// How many bytes of events are kept for a client: enough for some 100 000 of them.
const MOST_UNSENT: usize = 16 * 1024 * 1024;

/// Serves clients, on the runtime `R`. The adapters' `server()` makes one; it can be used for any
/// number of clients.
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
                most_unsent: MOST_UNSENT,
                close_deadline: USUAL_DEADLINE,
                garbage_ends: false,
            },
            runtime: R::default(),
        }
    }
}

impl<R> Builder<R> {
    /// The same settings, on another runtime.
    pub fn on<Q>(self, runtime: Q) -> Builder<Q> {
        Builder { settings: self.settings, runtime }
    }

    /// Speaks like a guest agent, where otherwise like a monitor: neither greeting nor negotiation
    /// nor events.
    pub fn agent(mut self) -> Self {
        self.settings.agent = true;
        self
    }

    /// What the server calls itself and offers, and its limits: as [`Options::monitor`], or
    /// [`Options::agent`] for an agent, unless set.
    pub fn options(mut self, options: Options) -> Self {
        self.settings.options = Some(options);
        self
    }

    /// Greets with a message of the caller's, an object, to pass on another server's or to play one
    /// that greets in its own way. What is granted is still decided by the options.
    pub fn greeting(mut self, greeting: Json<'_>) -> Self {
        self.settings.greeting = Some(greeting.as_str().into());
        self
    }

    /// How many bytes of events are kept for a client that does not read, before it is hung up on:
    /// 16 MiB unless set. `usize::MAX` keeps without bound, as QEMU does.
    pub fn most_unsent(mut self, bytes: usize) -> Self {
        self.settings.most_unsent = bytes;
        self
    }

    /// How long a client may read nothing of what was said to it when the connection is to end: 10
    /// seconds unless set. Then it ends without.
    pub fn close_deadline(mut self, deadline: Duration) -> Self {
        self.settings.close_deadline = deadline;
        self
    }

    /// Hangs up on a monitor's client that sends something that is no JSON, after an error, where
    /// otherwise it is told and may go on, as in QEMU.
    ///
    /// For TCP, where anybody's web browser can be lured into sending commands after a heap of
    /// headers.
    pub fn hang_up_on_garbage(mut self) -> Self {
        self.settings.garbage_ends = true;
        self
    }

    /// Takes a connected stream, and gives back the commands and the driver, which has to be polled
    /// for anything to happen: spawn it. Errors call the client `peer`.
    ///
    /// # Errors
    ///
    /// If the [greeting](Self::greeting) is no object.
    pub fn open_over(
        &self,
        transport: impl Transport,
        peer: &str,
    ) -> Result<(Commands, Driver), Error> {
        self.open_on(Arc::new(transport), peer)
    }

    fn open_on(
        &self,
        transport: Arc<dyn Transport>,
        peer: &str,
    ) -> Result<(Commands, Driver), Error> {
        let Settings { agent, options, greeting, .. } = &self.settings;
        let mut server = match agent {
            true => Server::agent(options.clone().unwrap_or(Options::agent())),
            false => Server::monitor(options.clone().unwrap_or_default()),
        };
        let mut output = Output::new();
        let greeted = match greeting {
            Some(greeting) if !agent => Json::parse(greeting)
                .map_err(Into::into)
                .and_then(|greeting| server.greet_with(&mut output, greeting)),
            _ => server.greet(&mut output).map_err(Into::into),
        };
        greeted.map_err(|refusal| Error::new(Cause::Refused(refusal)))?;
        let machine = Machine::new(server, output, &self.settings, Arc::clone(&transport));
        let connection = Arc::new(Connection::new(machine, peer));
        let manners = Manners {
            garbage_ends: self.settings.garbage_ends && !agent,
            close_deadline: self.settings.close_deadline,
        };
        let driver = Driver::new(Arc::clone(&connection), transport, manners);
        Ok((Commands::new(connection), driver))
    }
}

impl<R: Runtime> Builder<R> {
    /// Waits until a client connects, greets it and spawns the driver.
    ///
    /// As long as this is not called again, further clients wait in the listener's backlog,
    /// ungreeted: so does QEMU serve one at a time. To serve many, spawn a task for each and call
    /// this again at once.
    ///
    /// Cancel-safe: a client that was not accepted yet waits for the next call.
    ///
    /// # Errors
    ///
    /// If the system fails, as when there are too many open files; and as
    /// [`open_over`](Self::open_over).
    pub async fn accept(&self, listener: &R::Listener) -> Result<Commands, Error> {
        let (socket, address) = self.runtime.accept(listener, None).await?;
        let transport = self.runtime.transport(socket);
        let transport = transport.map_err(|error| ConnectError::listening(&address, error))?;
        self.over(transport, &address.to_string())
    }

    /// Connects to a client that listens, as QEMU does with `-qmp unix:PATH` without `server=on`;
    /// greets it and spawns the driver. Connecting may take ten seconds.
    ///
    /// Cancel-safe: dropped half way, the connection is closed.
    ///
    /// # Errors
    ///
    /// If the address cannot be understood or nobody listens there; and as
    /// [`open_over`](Self::open_over).
    pub async fn connect(&self, address: impl IntoAddress) -> Result<Commands, Error> {
        let address = address.into_address()?;
        let transport = dial(&self.runtime, address.clone(), USUAL_DEADLINE).await?;
        let (commands, driver) = self.open_on(transport, &address.to_string())?;
        self.runtime.spawn(driver);
        Ok(commands)
    }

    /// Takes a connected stream and spawns the driver; errors call the client `peer`.
    ///
    /// # Errors
    ///
    /// As [`open_over`](Self::open_over).
    pub fn over(&self, transport: impl Transport, peer: &str) -> Result<Commands, Error> {
        let (commands, driver) = self.open_over(transport, peer)?;
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
