//! The client.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qmp_driver::{
    AbortHandle, Caller, CloseReason, Command, Direction, Error, Operation, OwnedGreeting, Raw,
    Socket, State, Typed, Untyped, Version,
};

use crate::stream::Stream;
use crate::thread::Thread;
use crate::{EventWait, Execute, SubscriptionBuilder};

/// A connection to QEMU, the storage daemon or a guest agent, ready for commands.
///
/// One thread uses a client at a time. It can be moved to another thread, and an
/// [`abort_handle`](Self::abort_handle) ends its connection from any thread.
///
/// At most 64 commands are in flight, or 7 in-band commands with out-of-band execution. Further
/// commands wait for a free slot.
///
/// Nothing is read between calls: what the server sends in the meantime stays in the socket's
/// buffer, and then in the server. A call reads everything that arrives while it waits, so it also
/// queues events for all subscriptions and replies to other commands.
///
/// A lost connection is not reestablished until [`reconnect`](Self::reconnect) is called.
pub struct Client<S: Stream = Socket> {
    pub(crate) inner: qmp_driver::Client,
    pub(crate) thread: Thread<S>,
}

impl<S: Stream> Client<S> {
    /// Creates a command by name. [`run`](qmp_driver::Execute::run) sends it and returns the reply.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # let qemu = qmp_blocking::connect("/run/vm.qmp")?;
    /// qemu.execute("device_add")
    ///     .argument("driver", "virtio-net-pci")
    ///     .argument("id", "net0")
    ///     .timeout(Duration::from_secs(5))
    ///     .run()?;
    /// # Ok::<(), qmp_blocking::Error>(())
    /// ```
    pub fn execute(&self, name: &str) -> Execute<'_, S, Untyped> {
        self.inner.execute(name).with_caller(&self.thread)
    }

    /// Creates a typed command. [`run`](qmp_driver::Execute::run) sends it and returns the decoded
    /// reply.
    ///
    /// ```no_run
    /// # #[cfg(feature = "types")]
    /// # fn example() -> Result<(), qmp_blocking::Error> {
    /// use qmp_blocking::types::QueryName;
    ///
    /// # let qemu = qmp_blocking::connect("/run/vm.qmp")?;
    /// let name = qemu.call(&QueryName::new()).run()?.name;
    /// # Ok(())
    /// # }
    /// ```
    pub fn call<C: Command + serde::Serialize>(&self, command: &C) -> Execute<'_, S, Typed<C>> {
        self.inner.call(command).with_caller(&self.thread)
    }

    /// Creates a command from a whole message, with or without an id.
    ///
    /// Its result is the whole message that the server sent, also if that is an error reply, with
    /// the same id. On the wire the message has an id of the client's, so any id may be used.
    ///
    /// ```no_run
    /// # let qemu = qmp_blocking::connect("/run/vm.qmp")?;
    /// let answer = qemu.raw(r#"{"execute": "query-name", "id": ["mine", 1]}"#).run()?;
    /// assert_eq!(answer, br#"{"return": {}, "id": ["mine", 1]}"#);
    /// # Ok::<(), qmp_blocking::Error>(())
    /// ```
    pub fn raw(&self, message: &str) -> Execute<'_, S, Raw> {
        self.inner.raw(message).with_caller(&self.thread)
    }

    /// Creates a wait for one event that arrives after this call.
    ///
    /// Call this before the command that causes the event; then the event cannot be missed.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # let qemu = qmp_blocking::connect("/run/vm.qmp")?;
    /// let deleted = qemu
    ///     .event()
    ///     .named("DEVICE_DELETED")
    ///     .member("device", "net0")
    ///     .timeout(Duration::from_secs(30));
    /// qemu.execute("device_del").argument("id", "net0").run()?;
    /// deleted.run()?;
    /// # Ok::<(), qmp_blocking::Error>(())
    /// ```
    pub fn event(&self) -> EventWait<'_, S> {
        self.inner.event().with_caller(&self.thread)
    }

    /// Subscribes to events. Each subscriber receives all events that it asks for, starting when it
    /// subscribes.
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
    /// println!("the connection has ended: {:?}", events.close_reason());
    /// # Ok::<(), qmp_blocking::Error>(())
    /// ```
    pub fn events(&self) -> SubscriptionBuilder<'_, S> {
        self.inner.events().with_caller(&self.thread)
    }

    /// Runs an operation: a sequence of commands and events.
    ///
    /// # Errors
    ///
    /// Returns the errors of the operation.
    pub fn run<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        self.thread.run(self.inner.run(operation))
    }

    /// Syncs with the agent again, for example after a deadline has passed. Commands without a
    /// reply by then never get one.
    ///
    /// # Errors
    ///
    /// Returns an error if the peer is a monitor, or if the agent does not answer before the
    /// deadline of the handshake.
    pub fn sync(&self) -> Result<(), Error> {
        self.thread.run(self.inner.sync())
    }

    forward! {
        /// Returns the monitor's last greeting. An agent sends none.
        greeting() -> Option<Arc<OwnedGreeting>>;
        /// Returns the version in the greeting, if there is one.
        version() -> Option<Version>;
        /// Returns whether the server offers a capability, such as `oob`.
        supports(capability: &str) -> bool;
        /// Returns whether commands can be executed out of band.
        is_out_of_band() -> bool;
        /// Returns whether commands can be sent, according to what was read so far.
        is_ready() -> bool;
        /// Returns the state of the connection, according to what was read so far.
        state() -> State;
        /// Returns the number of commands without a reply, including those whose reply is no longer
        /// awaited.
        in_flight() -> usize;
        /// Returns the name of the peer, as it was given when the connection was made.
        peer() -> Arc<str>;
        /// Calls `hook` with every message on the wire from now on. Passwords and other secrets are
        /// masked.
        watch_wire(hook: impl FnMut(Direction, &[u8]) + Send + 'static) -> ();
        /// Sets the default deadline of commands from now on; `None` for none, which is the initial
        /// value.
        ///
        /// # Errors
        ///
        /// Returns an error if the stream does not support deadlines.
        #[doc(alias = "set_deadline")]
        set_timeout(timeout: Option<Duration>) -> Result<(), Error>;
        /// Ends the connection immediately. The outcome of commands without a reply is unknown.
        abort() -> ();
    }

    /// Returns the stream of the current connection, to wait for several connections at once with
    /// poll(2) or a similar, level-triggered call.
    ///
    /// Before waiting for it to become readable, call `try_recv` on subscriptions and pending
    /// replies until it returns nothing, because some may have been read already. `try_recv` also
    /// writes what could not be written before. Do not read from the stream.
    pub fn stream(&self) -> Option<Arc<S>> {
        self.thread.stream()
    }

    /// Writes [queued](Execute::queue) commands as far as the socket accepts them without blocking.
    /// The rest is written while the client waits for something.
    pub fn flush(&self) {
        self.thread.flush();
    }

    /// Waits until every command that was sent is answered, and ends the connection.
    ///
    /// # Errors
    ///
    /// Returns an error if this takes longer than the deadline of the handshake (10 seconds by
    /// default). The connection has then ended, too.
    pub fn close(&self) -> Result<(), Error> {
        self.thread.run(self.inner.close())
    }

    /// Returns a handle that ends the connection from another thread, even while this thread waits.
    ///
    /// A signal alone does not end a wait: a program that stops on Ctrl-C should call
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

    /// Waits for the end of the connection and returns its reason.
    pub fn closed(&self) -> CloseReason {
        self.thread.run(self.inner.closed())
    }

    /// Connects again to the same address with the same settings, after the connection has ended.
    ///
    /// [Persistent subscriptions](crate::SubscriptionBuilder::subscribe_persistent) continue.
    /// Nothing is sent again: commands in flight have failed, and their errors state whether they
    /// may have been executed.
    ///
    /// # Errors
    ///
    /// Returns an error if nothing listens at the address or if the handshake fails; the call can
    /// then be repeated. Returns [`ErrorKind::NoAddress`](crate::ErrorKind::NoAddress) if the client was not made by connecting to
    /// an address.
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
    /// Ends the connection: immediately if all commands are answered, otherwise when the server has
    /// read everything and closed its end, at the latest at the deadline of the handshake. For an
    /// agent the limit is 200 ms.
    fn drop(&mut self) {
        let Some(time) = self.inner.time_to_close() else {
            return;
        };
        self.inner.begin_closing();
        let limit = Instant::now().checked_add(time);
        let _ = self.thread.try_run(self.inner.closed(), limit);
    }
}
