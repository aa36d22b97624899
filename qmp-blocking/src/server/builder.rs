//! Building the server's end of a connection.

use std::time::Duration;

use qmp_driver::server::Options;
use qmp_driver::{Caller, Error, IntoAddress, RawJson, Socket};
use qmp_sockets::Listener;

use crate::server::ClientConnection;
use crate::stream::Stream;
use crate::thread::{CallerThread, Thread};

/// Serves any number of clients. Created by [`server()`](crate::server()).
#[derive(Clone, Debug, Default)]
pub struct Builder(Inner);

type Inner = qmp_driver::server::Builder<CallerThread>;

impl Builder {
    settings! {
        /// Behaves like a guest agent instead of a monitor: without greeting, negotiation and
        /// events.
        agent();
        /// Sets the version and capabilities in the greeting, and the limits of the server.
        /// Default: [`Options::monitor`], or [`Options::agent`] for an agent.
        options(options: Options);
        /// Sets the greeting, a JSON object. The capabilities that are granted still depend on the
        /// options.
        greeting(greeting: RawJson<'_>);
        /// Sets how many bytes of events are buffered for a client that does not read, before its
        /// connection is closed. Default: 16 MiB. `usize::MAX` means no limit, as in QEMU.
        unsent_limit(bytes: usize);
        /// Sets how long [`accept`](Self::accept) waits for a client. Default: forever.
        accept_timeout(timeout: Duration);
        /// Sets how long [`ClientConnection::close`] waits while the client reads nothing. Default: 10
        /// seconds. After that, unsent output is discarded.
        #[doc(alias = "close_deadline")]
        close_timeout(timeout: Duration);
        /// Closes the connection of a monitor's client after an error reply if it sends something
        /// that is not JSON. By default the connection stays open, as in QEMU.
        ///
        /// Use this on TCP, where a web page can make a browser send commands after its HTTP
        /// headers.
        close_on_invalid_input();
    }

    /// Waits until a client connects, and sends it the greeting.
    ///
    /// Until the next call, further clients wait in the listener's backlog without a greeting, as
    /// with QEMU, which serves one client at a time.
    ///
    /// # Errors
    ///
    /// Returns an error if the [deadline](Self::accept_timeout) passes, if the operating system
    /// fails, for example because too many files are open, and in the cases of
    /// [`serve_over`](Self::serve_over).
    pub fn accept(&self, listener: &Listener) -> Result<ClientConnection, Error> {
        let (thread, inner) = self.on_thread();
        let commands = thread.run(inner.accept(listener))?;
        Ok(commands.with_caller(thread))
    }

    /// Connects to a client that listens, as QEMU does with `-qmp unix:PATH` without `server=on`,
    /// and sends it the greeting. Connecting has a deadline of 10 seconds.
    ///
    /// # Errors
    ///
    /// Returns an error if the address cannot be parsed or if nothing listens there, and in the
    /// cases of [`serve_over`](Self::serve_over).
    pub fn connect(&self, address: impl IntoAddress) -> Result<ClientConnection, Error> {
        let (thread, inner) = self.on_thread();
        let commands = thread.run(inner.connect(address))?;
        Ok(commands.with_caller(thread))
    }

    /// Serves the client on a connected stream, and sends it the greeting. `peer` is the name of
    /// the client in errors.
    ///
    /// # Errors
    ///
    /// Returns an error if the [greeting](Self::greeting) is not an object.
    pub fn serve_over<S: Stream>(
        &self,
        stream: S,
        peer: &str,
    ) -> Result<ClientConnection<S>, Error> {
        let (thread, transport) = Thread::over(stream);
        let (commands, driver) = self.0.build_over(transport, peer)?;
        thread.shared.spawn(driver);
        Ok(commands.with_caller(thread))
    }

    /// Returns a thread, and the same settings for it.
    fn on_thread(&self) -> (Thread<Socket>, Inner) {
        let runtime = CallerThread::default();
        (Thread::new(&runtime.0), self.0.clone().with_runtime(runtime))
    }
}
