//! A connection and what is known about it.

use std::fmt;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use qmp_proto::{OwnedEvent, OwnedGreeting, Phase, Session, Version};
use qmp_sockets::{Disconnect, Error, EventQueue, IntoAddress, Socket, Typed, Untyped};

use crate::answer::Token;
use crate::builder::Settings;
use crate::event::EventWait;
use crate::execute::Execute;
use crate::raw::Raw;
use crate::shutdown::ShutdownHandle;
use crate::stream::Stream;
use crate::wire::Wire;
use crate::{Builder, Command};

/// What is sent along with a command.
#[cfg(unix)]
pub(crate) type Descriptor = std::os::fd::OwnedFd;
#[cfg(not(unix))]
pub(crate) type Descriptor = std::convert::Infallible;

/// A connection to QEMU, the storage daemon or a guest agent, ready for commands.
///
/// One owner uses it, through `&mut`; it can be sent to another thread, and a
/// [`shutdown_handle`](Self::shutdown_handle) ends it from any.
///
/// At most 64 commands can be unanswered at once, 7 in-band ones with out-of-band execution; more
/// wait until one is answered.
///
/// A connection that is lost stays lost: make another. Events that were kept go with it, so ask the
/// new one for the state; a command whose [outcome](crate::Error::outcome) is unknown may have been
/// done.
///
/// Nothing is read between calls. Events that come while something is awaited are kept for
/// [`event`](Self::event), and what a server sends in the meantime waits in the socket and, beyond
/// that, in the server.
pub struct Connection<S: Stream = Socket> {
    pub(crate) stream: S,
    pub(crate) session: Session<Token, Descriptor>,
    pub(crate) settings: Settings,
    pub(crate) peer: Arc<str>,
    pub(crate) greeting: Option<OwnedGreeting>,
    pub(crate) events: EventQueue<OwnedEvent>,
    pub(crate) wire: Wire,
    /// What became of the handshake under way.
    pub(crate) handshake: Option<Result<(), qmp_proto::OwnedFailure>>,
    /// Writing failed, so nothing more is written; what the server said before is still read.
    pub(crate) deaf: bool,
    /// Why the connection is over.
    pub(crate) ended: Option<Disconnect>,
    /// Set by whoever ends it from another thread.
    pub(crate) closed: Arc<AtomicBool>,
}

impl Connection {
    /// Connects to a monitor: of QEMU, of the storage daemon. The table at
    /// [`Address`](crate::Address) says how its address can be written; a path of the standard
    /// library is a unix socket's.
    ///
    /// Connecting and the handshake have 10 seconds each; [`builder`](Self::builder) sets others.
    ///
    /// # Errors
    ///
    /// If the address cannot be understood, nobody listens there, or nobody greets in time, as when
    /// another client is connected. The error says which, and what to do.
    pub fn connect(address: impl IntoAddress) -> Result<Self, Error> {
        Self::builder().connect(address)
    }

    /// Connects to a guest agent and syncs with it.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_agent(address: impl IntoAddress) -> Result<Self, Error> {
        Self::builder().agent().connect(address)
    }

    /// For everything that is not as usual.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A handle that ends this connection from another thread.
    ///
    /// # Errors
    ///
    /// If the process has no descriptor left for it.
    pub fn shutdown_handle(&self) -> Result<ShutdownHandle, Error> {
        let socket = self.stream.try_clone().map_err(|error| self.broken(error))?;
        Ok(ShutdownHandle::new(socket, Arc::clone(&self.closed)))
    }
}

impl<S: Stream> Connection<S> {
    /// A command by name.
    ///
    /// ```no_run
    /// # use qmp_blocking::Connection;
    /// # use std::time::Duration;
    /// # let mut qemu = Connection::connect("/run/vm.qmp")?;
    /// qemu.execute("device_add")
    ///     .argument("driver", "virtio-net-pci")
    ///     .argument("id", "net0")
    ///     .deadline(Duration::from_secs(5))
    ///     .run()?;
    /// # Ok::<(), qmp_blocking::Error>(())
    /// ```
    pub fn execute<'c>(&'c mut self, name: &'c str) -> Execute<'c, S, Untyped> {
        Execute::new(self, name)
    }

    /// A command that knows its types.
    ///
    /// ```no_run
    /// # use qmp_blocking::{Command, Connection};
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
    /// # let mut qemu = Connection::connect("/run/vm.qmp")?;
    /// let name = qemu.call(&QueryName).run()?.name;
    /// # Ok::<(), qmp_blocking::Error>(())
    /// ```
    pub fn call<C>(&mut self, command: &C) -> Execute<'_, S, Typed<C>>
    where
        C: Command<Output: serde::de::DeserializeOwned> + serde::Serialize,
    {
        Execute::typed(self, command)
    }

    /// A whole message, with an id of the caller's or none.
    ///
    /// The answer is the whole message that the server sent, errors too, with the caller's id in
    /// it. On the wire it has another, so any id will do.
    ///
    /// ```no_run
    /// # use qmp_blocking::Connection;
    /// # let mut qemu = Connection::connect("/run/vm.qmp")?;
    /// let answer = qemu.raw(r#"{"execute": "query-name", "id": ["mine", 1]}"#).run()?;
    /// assert_eq!(answer, br#"{"return": {}, "id": ["mine", 1]}"#);
    /// # Ok::<(), qmp_blocking::Error>(())
    /// ```
    pub fn raw<'c>(&'c mut self, message: &'c str) -> Raw<'c, S> {
        Raw::new(self, message)
    }

    /// Events: those kept so far, oldest first, and those to come. Each is returned once.
    ///
    /// An event may have been kept for long: [`discard_events`](Self::discard_events) before a
    /// command makes sure that what is awaited came after it.
    ///
    /// ```no_run
    /// # use qmp_blocking::Connection;
    /// # use std::time::Duration;
    /// #[derive(serde::Deserialize)]
    /// struct Deleted {
    ///     /// Absent for parts of a device, which go first.
    ///     device: Option<String>,
    /// }
    ///
    /// # let mut qemu = Connection::connect("/run/vm.qmp")?;
    /// qemu.discard_events();
    /// qemu.execute("device_del").argument("id", "net0").run()?;
    /// qemu.event()
    ///     .named("DEVICE_DELETED")
    ///     .matching(|event| {
    ///         event.decode().is_ok_and(|it: Deleted| it.device.as_deref() == Some("net0"))
    ///     })
    ///     .deadline(Duration::from_secs(30))
    ///     .wait()?;
    /// # Ok::<(), qmp_blocking::Error>(())
    /// ```
    pub fn event(&mut self) -> EventWait<'_, S> {
        EventWait::new(self)
    }

    /// Syncs with the agent again, as after a deadline that passed: commands that are unanswered by
    /// then stay so.
    ///
    /// # Errors
    ///
    /// If this is a monitor, or the agent does not answer within the handshake's deadline.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.handshake()
    }

    /// What a monitor greeted with; an agent does not.
    pub fn greeting(&self) -> Option<&OwnedGreeting> {
        self.greeting.as_ref()
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
        self.session.client().is_out_of_band()
    }

    /// Whether commands can be sent, as far as is known: nothing is read to find out.
    pub fn is_ready(&self) -> bool {
        self.session.phase() == Phase::Ready
    }

    /// The other end, as it was named when the connection was made.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// How long a command may take unless it says otherwise; for ever if `None`, as at first.
    ///
    /// # Errors
    ///
    /// If the stream cannot wait with a deadline.
    pub fn set_deadline(&mut self, deadline: Option<Duration>) -> Result<(), Error> {
        self.check_deadline(deadline)?;
        self.settings.deadline = deadline;
        Ok(())
    }

    /// Shows every message on the wire to `hook` from now on, with passwords and other secrets
    /// masked.
    pub fn watch_wire(&mut self, hook: impl FnMut(crate::Direction, &[u8]) + Send + 'static) {
        self.wire = Wire::new(Box::new(hook));
    }

    /// Writes what was [queued](Execute::queue), as far as the socket takes it without waiting; the
    /// rest leaves when something is waited for.
    ///
    /// # Errors
    ///
    /// If the connection has ended.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.write_now();
        self.check_ended(true)
    }

    /// Waits until every command sent is answered, and ends the connection. Dropping it ends it at
    /// once, and a server may lose commands that it has not read by then.
    ///
    /// # Errors
    ///
    /// If that takes longer than the handshake may: 10 seconds unless set.
    pub fn close(mut self) -> Result<(), Error> {
        self.finish_all()
    }
}

impl<S: Stream> fmt::Debug for Connection<S> {
    /// Who is at the other end and how things stand; nothing of what was said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.peer)
            .field("phase", &self.session.phase())
            .field("in_flight", &self.session.client().in_flight())
            .field("events_kept", &self.events_kept())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl<S: Stream> Drop for Connection<S> {
    /// An agent on a unix socket exits when a client leaves something unread, what is still on its
    /// way included. So this waits for its end, a fifth of a second at most.
    fn drop(&mut self) {
        if self.settings.agent && self.ended.is_none() && self.stream.has_deadlines() {
            self.leave();
        }
    }
}

#[cfg(unix)]
impl<S: Stream + AsFd> AsFd for Connection<S> {
    /// For waiting on several connections at once with poll(2) and the like, level-triggered.
    ///
    /// Wait for it to become readable, but first [look](crate::EventWait::look) for events until
    /// there is none: some may have been read with an answer. A look also takes in answers for
    /// [`Sent::look`](crate::Sent::look), and writes what could not be written before. Nothing else
    /// may read from the descriptor.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
