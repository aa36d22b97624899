//! The handle that programs hold.

pub(crate) mod arguments;
mod attempt;
mod execute;
mod lifecycle;
pub(crate) mod link;
mod operation;
mod reconnect;
pub(crate) mod response;
mod submission;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use qmp_proto::{Command, Direction, OwnedGreeting, Phase, Version};

pub use execute::Execute;
pub use lifecycle::{AbortHandle, State};
pub use operation::{Deferred, Operation, Timeout};
pub use response::{Raw, Reply, Response, Typed, Untyped};

use crate::connection::Connection;
use crate::connection::machine::AGENT_LINGERS;
use crate::events::{EventWait, SubscriptionBuilder};
use link::Link;

/// A connection to QEMU, the storage daemon or a guest agent.
///
/// Cheap to clone and shared between tasks and threads. Commands of all clones are in flight
/// together, 64 at most, 7 in-band ones with out-of-band execution; more wait their turn in the
/// order they came.
///
/// When the last clone is dropped, and no command is under way, what was sent is still written and
/// then the connection ends; [`close`](Self::close) also waits for the answers, and so does the end
/// of an agent's connection, for an agent exits when a client is gone that it answers.
///
/// A connection that is lost stays lost until somebody [reconnects](Self::reconnect).
#[derive(Clone)]
pub struct Client(Arc<Handle>);

/// Dropped with the last client.
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

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.0.0
    }

    /// The one of the moment.
    pub(crate) fn connection(&self) -> Arc<Connection> {
        self.link().connection()
    }

    /// A command by name; await it.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn example(qemu: qmp_driver::Client) -> Result<(), qmp_driver::Error> {
    /// qemu.execute("device_add")
    ///     .argument("driver", "virtio-net-pci")
    ///     .argument("id", "net0")
    ///     .deadline(Duration::from_secs(5))
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn execute(&self, name: &str) -> Execute<Untyped> {
        Execute::new(self, name)
    }

    /// A command that knows its types; await it.
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

    /// A whole message, with an id of the caller's or none; await it.
    ///
    /// The answer is the whole message that the server sent, errors too, with the caller's id in
    /// it. On the wire it has another, so any id will do.
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

    /// Waits for one event that comes after this call.
    ///
    /// Prepare it before the command that causes the event, and it cannot be missed.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn example(qemu: qmp_driver::Client) -> Result<(), qmp_driver::Error> {
    /// let deleted = qemu
    ///     .event()
    ///     .named("DEVICE_DELETED")
    ///     .member("device", "net0")
    ///     .deadline(Duration::from_secs(30));
    /// qemu.execute("device_del").argument("id", "net0").await?;
    /// deleted.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn event(&self) -> EventWait<'static> {
        EventWait::new(self.link())
    }

    /// Subscribes to events: each subscriber gets all that it asks for, from the moment it subscribes.
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
    /// println!("the connection has ended: {:?}", events.end_reason());
    /// # Ok(())
    /// # }
    /// ```
    pub fn events(&self) -> SubscriptionBuilder<'_> {
        SubscriptionBuilder::new(self.link())
    }

    /// What a monitor greeted with, last; an agent does not.
    pub fn greeting(&self) -> Option<Arc<OwnedGreeting>> {
        self.connection().lock().lifecycle.greeting.clone()
    }

    /// The version in the greeting, if there is one.
    pub fn version(&self) -> Option<Version> {
        self.greeting()?.version()
    }

    /// Whether the server offers a capability, `oob` say.
    pub fn supports(&self, capability: &str) -> bool {
        self.greeting().is_some_and(|greeting| greeting.offers(capability))
    }

    /// Whether commands can be run out of band.
    pub fn is_out_of_band(&self) -> bool {
        self.connection().lock().client.is_out_of_band()
    }

    /// Whether commands are sent without waiting for the handshake.
    pub fn is_ready(&self) -> bool {
        self.connection().lock().client.phase() == Phase::Ready
    }

    /// How many commands are unanswered, those included whose future was dropped.
    pub fn in_flight(&self) -> usize {
        self.connection().lock().client.in_flight()
    }

    /// The other end, as it was named when the connection was made.
    pub fn peer(&self) -> Arc<str> {
        Arc::clone(&self.connection().peer)
    }

    /// How long a command of any clone may take from now on, unless it says otherwise; `None` for
    /// ever. Commands that were made before keep what they have.
    pub fn set_deadline(&self, deadline: Option<Duration>) {
        self.link().set_deadline(deadline);
    }

    /// Leaves what is sent next to the driver, which writes it in one go with what follows.
    #[doc(hidden)]
    pub fn hold_output(&self) {
        self.connection().lock().writing.hold();
    }

    /// Writes what is sent next at once, with what was held.
    pub(crate) fn release_output(&self) {
        self.connection().lock().writing.release();
    }

    /// Begins to close as the drop of the last client does.
    #[doc(hidden)]
    pub fn begin_closing(&self) {
        lifecycle::close(&self.connection(), false);
    }

    /// How long its drop may take: `None` if nothing is unanswered or left to do. An agent has 200 ms,
    /// whatever is unanswered.
    #[doc(hidden)]
    pub fn time_to_close(&self) -> Option<Duration> {
        let connection = self.connection();
        let machine = connection.lock();
        let open = machine.lifecycle.ended.is_none();
        let busy = machine.client.in_flight() > 0 || machine.deferred_until.is_some();
        let waits = busy || !machine.adopted.is_empty() || connection.settings.agent;
        let deferred = !machine.adopted.is_empty() || machine.deferred_until.is_some();
        let limit = match connection.settings.agent && !deferred {
            true => AGENT_LINGERS,
            false => connection.settings.handshake_deadline,
        };
        (open && waits).then_some(limit)
    }

    /// Shows every message on the wire to `hook` from now on, with passwords and other secrets
    /// masked, in the order of the wire; over further connections of this client, too.
    ///
    /// It runs in the tasks that send and in the driver's, which do nothing else meanwhile: keep it
    /// short. It may use the client. If it panics, it is not called again.
    pub fn watch_wire(&self, hook: impl FnMut(Direction, &[u8]) + Send + 'static) {
        let connection = self.connection();
        connection.common.wire.watch(Box::new(hook));
        connection.lock().watched = true;
    }
}

impl fmt::Debug for Client {
    /// Who is at the other end and how things stand; nothing of what was said.
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
