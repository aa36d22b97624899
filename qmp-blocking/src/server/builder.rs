//! How a client comes to be served.

use std::time::{Duration, Instant};

use qmp_driver::server::Options;
use qmp_driver::{Caller, Error, IntoAddress, Json};
use qmp_sockets::Listener;

use crate::server::Commands;
use crate::stream::Stream;
use crate::thread::{CallerThread, Thread};

/// Serves clients; can be used for any number of them. [`server()`](crate::server()) makes one.
#[derive(Clone, Debug, Default)]
pub struct Builder(qmp_driver::server::Builder<CallerThread>, Option<Duration>);

impl Builder {
    settings! {
        /// Behaves like a guest agent instead of a monitor: without greeting, negotiation and events.
        agent();
        /// Sets what the server calls itself and offers, and its limits. Default: [`Options::monitor`],
        /// or [`Options::agent`] for an agent.
        options(options: Options);
        /// Greets with a message of the caller's, an object. What is granted is still decided by the
        /// options.
        greeting(greeting: Json<'_>);
        /// Sets how many bytes of events are kept for a client that does not read, before its connection
        /// is closed. Default: 16 MiB. `usize::MAX` keeps without limit, as QEMU does.
        most_unsent(bytes: usize);
        /// Sets how long [`Commands::close`] waits for a client that does not read. Default: 10 seconds.
        close_deadline(deadline: Duration);
        /// Closes the connection of a monitor's client that sends something that is not JSON, after an
        /// error, where by default it may go on, as in QEMU.
        ///
        /// Use this on TCP, where a web browser can be lured into sending commands after its headers.
        hang_up_on_garbage();
    }

    /// Sets how long [`accept`](Self::accept) waits for a client. Default: forever.
    pub fn accept_deadline(mut self, deadline: Duration) -> Self {
        self.1 = Some(deadline);
        self
    }

    /// Waits until a client connects, and greets it.
    ///
    /// As long as this is not called again, further clients wait in the listener's backlog,
    /// ungreeted: that is how QEMU serves one at a time.
    ///
    /// # Errors
    ///
    /// If the [deadline](Self::accept_deadline) passes, or the operating system fails, as when there
    /// are too many open files; and as [`over`](Self::over).
    pub fn accept(&self, listener: &Listener) -> Result<Commands, Error> {
        let deadline = self.1.and_then(|time| Instant::now().checked_add(time));
        let socket = listener.accept(deadline)?;
        self.over(socket, &listener.local_address().to_string())
    }

    /// Connects to a client that listens, as QEMU does with `-qmp unix:PATH` without `server=on`, and
    /// greets it. Connecting may take ten seconds.
    ///
    /// # Errors
    ///
    /// If the address cannot be parsed or nothing listens there; and as [`over`](Self::over).
    pub fn connect(&self, address: impl IntoAddress) -> Result<Commands, Error> {
        let address = address.into_address()?;
        let runtime = CallerThread::default();
        let thread = Thread::of(&runtime);
        let inner = self.0.clone().on(runtime);
        let commands = thread.run(inner.connect(address))?;
        Ok(Commands::new(commands, thread))
    }

    /// Takes a stream that is connected already, and greets the client; errors call it `peer`.
    ///
    /// # Errors
    ///
    /// If the [greeting](Self::greeting) is not an object.
    pub fn over<S: Stream>(&self, stream: S, peer: &str) -> Result<Commands<S>, Error> {
        let (thread, transport) = Thread::over(stream);
        let (commands, driver) = self.0.open_over(transport, peer)?;
        thread.spawn(driver);
        Ok(Commands::new(commands, thread))
    }
}
