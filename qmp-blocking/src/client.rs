//! A connection and what can be done with it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qmp_driver::{
    AbortHandle, Caller, Cause, Command, Direction, Disconnect, Error, Operation, OwnedGreeting,
    Raw, Socket, State, Typed, Untyped, Version,
};

use crate::stream::Stream;
use crate::thread::Thread;
use crate::{EventWait, Execute, SubscriptionBuilder};

/// A connection to QEMU, the storage daemon or a guest agent, ready for commands.
///
/// One thread uses it at a time; it can be sent to another, and an
/// [`abort_handle`](Self::abort_handle) ends it from any.
///
/// At most 64 commands can be in flight, 7 in-band ones with out-of-band execution; more wait until
/// one is answered.
///
/// Nothing is read between calls: what a server sends in the meantime waits in the socket and, beyond
/// that, in the server. A call reads whatever comes while it waits, so the events of all
/// subscriptions, and the replies to other commands, are queued meanwhile.
///
/// A connection that is lost stays lost until [`reconnect`](Self::reconnect) is called.
pub struct Client<S: Stream = Socket> {
    pub(crate) inner: qmp_driver::Client,
    pub(crate) thread: Thread<S>,
}

impl<S: Stream> Client<S> {
    pub(crate) const fn new(inner: qmp_driver::Client, thread: Thread<S>) -> Self {
        Self { inner, thread }
    }

    /// A command by name.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # let qemu = qmp_blocking::connect("/run/vm.qmp")?;
    /// qemu.execute("device_add")
    ///     .argument("driver", "virtio-net-pci")
    ///     .argument("id", "net0")
    ///     .deadline(Duration::from_secs(5))
    ///     .run()?;
    /// # Ok::<(), qmp_blocking::Error>(())
    /// ```
    pub fn execute(&self, name: &str) -> Execute<'_, S, Untyped> {
        self.inner.execute(name).on(&self.thread)
    }

    /// A command that knows its types.
    ///
    /// ```no_run
    /// # use qmp_blocking::Command;
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
    /// # let qemu = qmp_blocking::connect("/run/vm.qmp")?;
    /// let name = qemu.call(&QueryName).run()?.name;
    /// # Ok::<(), qmp_blocking::Error>(())
    /// ```
    pub fn call<C: Command + serde::Serialize>(&self, command: &C) -> Execute<'_, S, Typed<C>> {
        self.inner.call(command).on(&self.thread)
    }

    /// A whole message, with an id of the caller's or none.
    ///
    /// The answer is the whole message that the server sent, errors too, with the caller's id in
    /// it. On the wire it has another, so any id will do.
    ///
    /// ```no_run
    /// # let qemu = qmp_blocking::connect("/run/vm.qmp")?;
    /// let answer = qemu.raw(r#"{"execute": "query-name", "id": ["mine", 1]}"#).run()?;
    /// assert_eq!(answer, br#"{"return": {}, "id": ["mine", 1]}"#);
    /// # Ok::<(), qmp_blocking::Error>(())
    /// ```
    pub fn raw(&self, message: &str) -> Execute<'_, S, Raw> {
        self.inner.raw(message).on(&self.thread)
    }

    /// Waits for one event that comes after this call.
    ///
    /// Prepare it before the command that causes the event, and it cannot be missed.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # let qemu = qmp_blocking::connect("/run/vm.qmp")?;
    /// let deleted = qemu
    ///     .event()
    ///     .named("DEVICE_DELETED")
    ///     .member("device", "net0")
    ///     .deadline(Duration::from_secs(30));
    /// qemu.execute("device_del").argument("id", "net0").run()?;
    /// deleted.run()?;
    /// # Ok::<(), qmp_blocking::Error>(())
    /// ```
    pub fn event(&self) -> EventWait<'_, S> {
        self.inner.event().on(&self.thread)
    }

    /// Subscribes to events: each subscriber gets all that it asks for, from the moment it subscribes.
    ///
    /// ```no_run
    /// # use qmp_blocking::EventItem;
    /// # let qemu = qmp_blocking::connect("/run/vm.qmp")?;
    /// let mut events = qemu.events().named("STOP").named("RESUME").subscribe();
    /// while let Some(item) = events.recv() {
    ///     match item {
    ///         EventItem::Event(event) => println!("{}", event.name()),
    ///         EventItem::Lagged(count) => println!("{count} events were not read in time"),
    ///         _ => {}
    ///     }
    /// }
    /// println!("the connection has ended: {:?}", events.end_reason());
    /// # Ok::<(), qmp_blocking::Error>(())
    /// ```
    pub fn events(&self) -> SubscriptionBuilder<'_, S> {
        self.inner.events().on(&self.thread)
    }

    /// Runs an operation: something that takes several commands and events.
    ///
    /// # Errors
    ///
    /// The operation's.
    pub fn run<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        self.thread.run(self.inner.run(operation))
    }

    /// Syncs with the agent again, as after a deadline that passed: commands that are unanswered by
    /// then stay so.
    ///
    /// # Errors
    ///
    /// If this is a monitor, or the agent does not answer within the handshake's deadline.
    pub fn sync(&self) -> Result<(), Error> {
        self.thread.run(self.inner.sync())
    }

    forward! {
        /// What a monitor greeted with, last; an agent does not greet.
        greeting() -> Option<Arc<OwnedGreeting>>;
        /// The version in the greeting, if there is one.
        version() -> Option<Version>;
        /// Whether the server offers a capability, such as `oob`.
        supports(capability: &str) -> bool;
        /// Whether commands can be executed out of band.
        is_out_of_band() -> bool;
        /// Whether commands can be sent, as far as is known: nothing is read to find out.
        is_ready() -> bool;
        /// Where the connection stands, as far as is known: nothing is read to find out.
        state() -> State;
        /// How many commands are unanswered, including those whose reply is no longer awaited.
        in_flight() -> usize;
        /// The peer, as it was named when the connection was made.
        peer() -> Arc<str>;
        /// Shows every message on the wire to `hook` from now on, with passwords and other secrets
        /// masked.
        watch_wire(hook: impl FnMut(Direction, &[u8]) + Send + 'static) -> ();
        /// Ends the connection at once. Commands without an answer have an unknown outcome.
        abort() -> ();
    }

    /// The stream of the current connection, to wait on several connections at once with poll(2) and
    /// the like, level-triggered.
    ///
    /// Wait for it to become readable, but first call `try_recv` on subscriptions and pending replies
    /// until it returns nothing: some may have been read already. `try_recv` also writes what could
    /// not be written before. Nothing else may read from the stream.
    pub fn stream(&self) -> Option<Arc<S>> {
        self.thread.stream()
    }

    /// Sets how long a command may take by default, from now on; `None` for forever, as at first.
    ///
    /// # Errors
    ///
    /// If the stream cannot wait with a deadline.
    pub fn set_deadline(&self, deadline: Option<Duration>) -> Result<(), Error> {
        if deadline.is_some() && !self.thread.has_deadlines() {
            return Err(Error::new(Cause::NoDeadlines).with_peer(&self.inner.peer()));
        }
        self.inner.set_deadline(deadline);
        Ok(())
    }

    /// Writes what was [queued](Execute::queue), as far as the socket takes it without blocking; the
    /// rest is written while something is waited for.
    pub fn flush(&self) {
        self.thread.flush();
    }

    /// Waits until every command sent is answered, and ends the connection.
    ///
    /// # Errors
    ///
    /// If that takes longer than the handshake may: 10 seconds by default. The connection has ended
    /// then, too.
    pub fn close(&self) -> Result<(), Error> {
        self.thread.run(self.inner.close())
    }

    /// A handle that ends the connection from another thread, whatever this one waits for.
    ///
    /// A signal alone ends no wait: a program that has to stop on Ctrl-C calls
    /// [`abort`](AbortHandle::abort) in the thread that handles its signals.
    ///
    /// ```no_run
    /// let qemu = qmp_blocking::connect("/run/vm.qmp")?;
    /// let handle = qemu.abort_handle();
    /// std::thread::spawn(move || {
    ///     std::thread::sleep(std::time::Duration::from_secs(60));
    ///     handle.abort();
    /// });
    /// while let Ok(event) = qemu.event().run() {
    ///     println!("{}", event.name());
    /// }
    /// # Ok::<(), qmp_blocking::Error>(())
    /// ```
    pub fn abort_handle(&self) -> AbortHandle {
        self.inner.abort_handle()
    }

    /// Waits for the end of the connection, and returns its reason.
    pub fn closed(&self) -> Disconnect {
        self.thread.run(self.inner.closed())
    }

    /// Connects again, to the same address with the same settings, once the connection has ended.
    ///
    /// [Persistent subscriptions](crate::SubscriptionBuilder::subscribe_persistent) go on. Nothing is
    /// sent again: what was in flight has failed, and tells whether it may have been executed.
    ///
    /// # Errors
    ///
    /// If nothing listens there any more or the handshake fails; then it can be tried again. If the
    /// connection was not made by connecting to an address ([`Cause::NoAddress`]).
    pub fn reconnect(&self) -> Result<(), Error> {
        self.thread.run(self.inner.reconnect())
    }
}

impl<S: Stream> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<S: Stream> Drop for Client<S> {
    /// Ends the connection: at once if nothing is unanswered, else when the server has read what was
    /// sent and closed its end, within the handshake's deadline. An agent has 200 ms.
    fn drop(&mut self) {
        let Some(time) = self.inner.time_to_close().filter(|_| self.thread.has_deadlines()) else {
            return;
        };
        self.inner.begin_closing();
        let limit = Instant::now().checked_add(time);
        let _ = self.thread.try_run(self.inner.closed(), limit);
    }
}
