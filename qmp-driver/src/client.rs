//! The handle that programs hold.

use std::fmt;
use std::sync::Arc;

use qmp_proto::{Command, OwnedGreeting, Phase, Version};
use qmp_sockets::{Typed, Untyped};

use crate::command::Execute;
use crate::event_wait::EventWait;
use crate::events::Subscribe;
use crate::raw::Raw;
use crate::shared::Shared;

/// A connection to QEMU, the storage daemon or a guest agent.
///
/// Cheap to clone and shared between tasks and threads. Commands of all clones are in flight
/// together, 64 at most, 7 in-band ones with out-of-band execution; more wait their turn in the
/// order they came.
///
/// When the last clone is dropped, and no command is under way, what was sent is still written and
/// then the connection ends; [`close`](Self::close) also waits for the answers, and so does the end
/// of an agent's connection, for an agent exits when a client is gone that it answers. A connection
/// that is lost stays lost: make another.
#[derive(Clone)]
pub struct Client(Arc<Handle>);

/// Dropped with the last client.
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        crate::lifecycle::close(&self.0, false);
    }
}

impl Client {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(Arc::new(Handle(shared)))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.0
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
    pub fn call<C: Command>(&self, command: &C) -> Execute<Typed<C>> {
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
    pub fn raw(&self, message: &str) -> Raw {
        Raw::new(self, message)
    }

    /// Waits for one event that comes after this call; await it. Prepare it before the command that
    /// causes the event, and it cannot be missed.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn example(qemu: qmp_driver::Client) -> Result<(), qmp_driver::Error> {
    /// #[derive(serde::Deserialize)]
    /// struct Deleted {
    ///     /// Absent for parts of a device, which go first.
    ///     device: Option<String>,
    /// }
    ///
    /// let deleted = qemu
    ///     .event()
    ///     .named("DEVICE_DELETED")
    ///     .matching(|event| {
    ///         event.decode().is_ok_and(|it: Deleted| it.device.as_deref() == Some("net0"))
    ///     })
    ///     .deadline(Duration::from_secs(30));
    /// qemu.execute("device_del").argument("id", "net0").await?;
    /// deleted.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn event(&self) -> EventWait<'static> {
        EventWait::new(self.shared())
    }

    /// A subscription to events: each subscriber gets all that it asks for.
    ///
    /// ```no_run
    /// # use qmp_driver::Queued;
    /// # async fn example(qemu: qmp_driver::Client) -> Result<(), qmp_driver::Error> {
    /// let mut events = qemu.events().named("STOP").named("RESUME").subscribe();
    /// while let Some(queued) = events.recv().await {
    ///     match queued {
    ///         Queued::Event(event) => println!("{}", event.name()),
    ///         Queued::Lost(count) => println!("{count} events were not read in time"),
    ///     }
    /// }
    /// println!("the connection is over: {:?}", events.end_reason());
    /// # Ok(())
    /// # }
    /// ```
    pub fn events(&self) -> Subscribe<'_> {
        Subscribe::new(self.shared())
    }

    /// What a monitor greeted with, last; an agent does not.
    pub fn greeting(&self) -> Option<Arc<OwnedGreeting>> {
        self.shared().lock().lifecycle.greeting.clone()
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
        self.shared().lock().client.is_out_of_band()
    }

    /// Whether commands are sent without waiting for the handshake.
    pub fn is_ready(&self) -> bool {
        self.shared().lock().client.phase() == Phase::Ready
    }

    /// How many commands are unanswered, those included whose future was dropped.
    pub fn in_flight(&self) -> usize {
        self.shared().lock().client.in_flight()
    }

    /// The other end, as it was named when the connection was made.
    pub fn peer(&self) -> &str {
        &self.shared().peer
    }
}

impl fmt::Debug for Client {
    /// Who is at the other end and how things stand; nothing of what was said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.shared().lock();
        f.debug_struct("Client")
            .field("peer", &self.shared().peer)
            .field("phase", &machine.client.phase())
            .field("in_flight", &machine.client.in_flight())
            .field("waiting", &machine.waits.len())
            .field("ended", &machine.lifecycle.ended)
            .finish_non_exhaustive()
    }
}
