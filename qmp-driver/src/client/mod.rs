//! The client.

pub(crate) mod arguments;
mod attempt;
mod duplicate;
mod execute;
mod lifecycle;
pub(crate) mod link;
mod operation;
mod reconnect;
pub(crate) mod response;
mod submission;

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use qmp_proto::{Command, Direction, OwnedGreeting, Phase, Version};

pub use execute::Execute;
pub use lifecycle::{AbortHandle, State};
pub use operation::{Deferred, Operation, Timeout};
pub use response::{Raw, Reply, ResponseKind, Typed, Untyped};

use crate::Error;
use crate::connection::Connection;
use crate::connection::lifecycle::AGENT_LINGERS;
use crate::events::{EventWait, SubscriptionBuilder};
use link::Link;

/// A connection to QEMU, the storage daemon or a guest agent.
///
/// Clients are cheap to clone and can be shared between tasks and threads. At most 64 commands of
/// all clones are in flight together, or 7 in-band commands with out-of-band execution. Further
/// commands wait for a free slot in the order in which they were made.
///
/// When the last clone is dropped and no command is pending, the client writes what was sent and
/// ends the connection. [`close`](Self::close) also waits for the replies. So does dropping the
/// client of an agent, because an agent exits if its client is gone when it sends a reply.
///
/// A lost connection is not reestablished until [`reconnect`](Self::reconnect) is called.
#[derive(Clone)]
pub struct Client(Arc<Handle>);

/// A client that does not keep the connection open.
pub(crate) struct WeakClient(Weak<Handle>);

impl WeakClient {
    /// Returns the client, unless all of its clones were dropped.
    pub(crate) fn upgrade(&self) -> Option<Client> {
        self.0.upgrade().map(Client)
    }
}

/// Closes the connection when the last client is dropped.
struct Handle(Arc<Link>);

impl Drop for Handle {
    fn drop(&mut self) {
        let connection = self.0.connection();
        lifecycle::close(&connection, false);
        connection.finish_subscriptions();
    }
}

impl Client {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        Self(Arc::new(Handle(Arc::new(Link::new(connection)))))
    }

    pub(crate) fn downgrade(&self) -> WeakClient {
        WeakClient(Arc::downgrade(&self.0))
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.0.0
    }

    /// Returns the current connection.
    pub(crate) fn connection(&self) -> Arc<Connection> {
        self.link().connection()
    }

    /// Creates a command by name. Awaiting it sends it and returns the reply.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn example(qemu: qmp_driver::Client) -> Result<(), qmp_driver::Error> {
    /// qemu.execute("device_add")
    ///     .argument("driver", "virtio-net-pci")
    ///     .argument("id", "net0")
    ///     .timeout(Duration::from_secs(5))
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn execute(&self, name: &str) -> Execute<Untyped> {
        Execute::new(self, name)
    }

    /// Creates a typed command. Awaiting it sends it and returns the decoded reply.
    ///
    /// ```no_run
    /// # use qmp_driver::Command;
    /// #[derive(serde::Serialize)]
    /// struct QueryName;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Name {
    ///     name: Option<String>,
    /// }
    ///
    /// impl Command for QueryName {
    ///     const NAME: &'static str = "query-name";
    ///     type Output = Name;
    /// }
    ///
    /// # async fn example(qemu: qmp_driver::Client) -> Result<(), qmp_driver::Error> {
    /// let name = qemu.call(&QueryName).await?.name;
    /// # Ok(())
    /// # }
    /// ```
    pub fn call<C: Command + serde::Serialize>(&self, command: &C) -> Execute<Typed<C>> {
        Execute::typed(self, command)
    }

    /// Creates a command from a whole message, with or without an id. Awaiting it sends it.
    ///
    /// Its result is the whole message that the server sent, also if that is an error reply, with
    /// the same id. On the wire the message has an id of the client's, so any id may be used.
    ///
    /// ```no_run
    /// # async fn example(qemu: qmp_driver::Client) -> Result<(), qmp_driver::Error> {
    /// let answer = qemu.raw(r#"{"execute": "query-name", "id": ["mine", 1]}"#).await?;
    /// assert_eq!(answer, br#"{"return": {}, "id": ["mine", 1]}"#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn raw(&self, message: &str) -> Execute<Raw> {
        Execute::raw(self, message)
    }

    /// Returns a future that waits for one event that arrives after this call.
    ///
    /// Call this before the command that causes the event; then the event cannot be missed.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn example(qemu: qmp_driver::Client) -> Result<(), qmp_driver::Error> {
    /// let deleted = qemu
    ///     .event()
    ///     .named("DEVICE_DELETED")
    ///     .member("device", "net0")
    ///     .timeout(Duration::from_secs(30));
    /// qemu.execute("device_del").argument("id", "net0").await?;
    /// deleted.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn event(&self) -> EventWait<'static> {
        EventWait::new(self.link())
    }

    /// Subscribes to events. Each subscriber receives all events that it asks for, starting when it
    /// subscribes.
    ///
    /// ```no_run
    /// # use qmp_driver::EventItem;
    /// # async fn example(qemu: qmp_driver::Client) -> Result<(), qmp_driver::Error> {
    /// let mut events = qemu.events().named("STOP").named("RESUME").subscribe();
    /// while let Some(item) = events.recv().await {
    ///     match item {
    ///         EventItem::Event(event) => println!("{}", event.name()),
    ///         EventItem::Lagged(count) => println!("{count} events were not read in time"),
    ///         _ => {}
    ///     }
    /// }
    /// println!("the connection has ended: {:?}", events.close_reason());
    /// # Ok(())
    /// # }
    /// ```
    pub fn events(&self) -> SubscriptionBuilder<'_> {
        SubscriptionBuilder::new(self.link())
    }

    /// Returns the monitor's last greeting. An agent sends none.
    pub fn greeting(&self) -> Option<Arc<OwnedGreeting>> {
        self.connection().lock().lifecycle.greeting.clone()
    }

    /// Returns the version in the greeting, if there is one.
    pub fn version(&self) -> Option<Version> {
        self.greeting()?.version()
    }

    /// Returns whether the server offers a capability, such as `oob`.
    pub fn supports(&self, capability: &str) -> bool {
        self.greeting().is_some_and(|greeting| greeting.offers(capability))
    }

    /// Returns whether commands can be executed out of band.
    pub fn is_out_of_band(&self) -> bool {
        self.connection().lock().client.is_out_of_band()
    }

    /// Returns whether the handshake has completed, so that commands are sent without waiting for
    /// it.
    pub fn is_ready(&self) -> bool {
        self.connection().lock().client.phase() == Phase::Ready
    }

    /// Returns the number of commands without a reply, including those whose future was dropped.
    pub fn in_flight(&self) -> usize {
        self.connection().lock().client.in_flight()
    }

    /// Returns the name of the peer, as it was given when the connection was made.
    pub fn peer(&self) -> Arc<str> {
        Arc::clone(&self.connection().peer)
    }

    /// Sets the default deadline for commands of all clones; `None` for none. Commands that were
    /// made before keep their deadline.
    ///
    /// # Errors
    ///
    /// Returns an error if the stream does not support deadlines.
    #[doc(alias = "set_deadline")]
    pub fn set_timeout(&self, timeout: Option<Duration>) -> Result<(), Error> {
        if timeout.is_some() {
            let connection = self.connection();
            connection.refuse_deadline().map_err(|kind| connection.error(kind))?;
        }
        self.link().set_timeout(timeout);
        Ok(())
    }

    /// Leaves later output to the driver, which writes it in one system call.
    #[doc(hidden)]
    pub fn hold_output(&self) {
        self.connection().lock().writing.hold();
    }

    /// Writes later output immediately, together with what was held.
    pub(crate) fn release_output(&self) {
        self.connection().lock().writing.release();
    }

    /// Begins to close the connection, as dropping the last client does.
    #[doc(hidden)]
    pub fn begin_closing(&self) {
        lifecycle::close(&self.connection(), false);
    }

    /// Returns how long the drop of the client may take, or `None` if all commands are answered and
    /// nothing else is left to do, or if the stream does not support deadlines. For an agent the
    /// limit is 200 ms in any case.
    #[doc(hidden)]
    pub fn time_to_close(&self) -> Option<Duration> {
        let connection = self.connection();
        let machine = connection.lock();
        let open = machine.transport.as_ref().is_some_and(|transport| transport.has_deadlines());
        let deferred = !machine.handover.is_empty();
        let waits = machine.client.in_flight() > 0 || deferred || connection.settings.agent;
        let limit = match connection.settings.agent && !deferred {
            true => AGENT_LINGERS,
            false => connection.settings.handshake_timeout,
        };
        (open && waits).then_some(limit)
    }

    /// Calls `hook` with every message on the wire from now on, in order, also on later connections
    /// of this client. Passwords and other secrets are masked.
    ///
    /// The hook runs in the tasks that send commands and in the driver, and delays them: keep it
    /// short. It may use the client. If it panics, it is not called again.
    pub fn watch_wire(&self, hook: impl FnMut(Direction, &[u8]) + Send + 'static) {
        let connection = self.connection();
        connection.common.wire.watch(Box::new(hook));
        connection.lock().watch_wire(true);
    }
}

impl fmt::Debug for Client {
    /// Shows the peer and the state, but no messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connection = self.connection();
        let machine = connection.lock();
        f.debug_struct("Client")
            .field("peer", &connection.peer)
            .field("phase", &machine.client.phase())
            .field("in_flight", &machine.client.in_flight())
            .field("waiting", &machine.waits.len())
            .field("ended", &machine.lifecycle.ended)
            .finish_non_exhaustive()
    }
}
