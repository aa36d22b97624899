//! How a client comes to be served.

use std::time::Duration;

use qmp_proto::Json;
use qmp_proto::server::{Options, Server, Session};
use qmp_sockets::{Cause, Deadline, Error, IntoAddress, Listener, connect};

use crate::server::Connection;
use crate::server::connection::Manners;
use crate::stream::Stream;

/// How long connecting, and closing, may take.
const USUAL_DEADLINE: Duration = Duration::from_secs(10);
/// How many bytes of events are kept for a client: enough for some 100 000 of them.
const MOST_UNSENT: usize = 16 * 1024 * 1024;

/// Serves clients; can be used for any number of them. [`server()`](crate::server()) makes one.
#[derive(Clone, Debug)]
pub struct Builder {
    agent: bool,
    options: Option<Options>,
    greeting: Option<Box<str>>,
    accept_deadline: Option<Duration>,
    most_unsent: usize,
    close_deadline: Duration,
    garbage_ends: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            agent: false,
            options: None,
            greeting: None,
            accept_deadline: None,
            most_unsent: MOST_UNSENT,
            close_deadline: USUAL_DEADLINE,
            garbage_ends: false,
        }
    }
}

impl Builder {
    /// Speaks like a guest agent, where otherwise like a monitor: neither greeting nor negotiation
    /// nor events.
    pub fn agent(mut self) -> Self {
        self.agent = true;
        self
    }

    /// What the server calls itself and offers, and its limits: as [`Options::monitor`], or
    /// [`Options::agent`] for an agent, unless set.
    pub fn options(mut self, options: Options) -> Self {
        self.options = Some(options);
        self
    }

    /// Greets with a message of the caller's, an object, to pass on another server's or to play one
    /// that greets in its own way. What is granted is still decided by the options.
    pub fn greeting(mut self, greeting: Json<'_>) -> Self {
        self.greeting = Some(greeting.as_str().into());
        self
    }

    /// How long [`accept`](Self::accept) waits for a client: for ever unless set.
    pub fn accept_deadline(mut self, deadline: Duration) -> Self {
        self.accept_deadline = Some(deadline);
        self
    }

    /// How many bytes of events are kept for a client that does not read, before it is hung up on:
    /// 16 MiB unless set. `usize::MAX` keeps without bound, as QEMU does.
    pub fn most_unsent(mut self, bytes: usize) -> Self {
        self.most_unsent = bytes;
        self
    }

    /// How long [`Connection::close`] waits for a client that does not read: 10 seconds unless set.
    pub fn close_deadline(mut self, deadline: Duration) -> Self {
        self.close_deadline = deadline;
        self
    }

    /// Hangs up on a monitor's client that sends something that is no JSON, after an error, where
    /// otherwise it is told and may go on, as in QEMU.
    ///
    /// For TCP, where anybody's web browser can be lured into sending commands after a heap of
    /// headers.
    pub fn hang_up_on_garbage(mut self) -> Self {
        self.garbage_ends = true;
        self
    }

    /// Waits until a client connects, and greets it.
    ///
    /// As long as this is not called again, further clients wait in the listener's backlog,
    /// ungreeted: so does QEMU serve one at a time.
    ///
    /// # Errors
    ///
    /// If the [deadline](Self::accept_deadline) passes, or the system fails, as when there are too
    /// many open files; and as [`over`](Self::over).
    pub fn accept(&self, listener: &Listener) -> Result<Connection, Error> {
        let deadline = self.accept_deadline.map_or(Deadline::NEVER, Deadline::after);
        let socket = listener.accept(deadline.instant())?;
        self.over(socket, &listener.local_address().to_string())
    }

    /// Connects to a client that listens, as QEMU does with `-qmp unix:PATH` without `server=on`,
    /// and greets it. Connecting may take ten seconds.
    ///
    /// # Errors
    ///
    /// If the address cannot be understood or nobody listens there; and as [`over`](Self::over).
    pub fn connect(&self, address: impl IntoAddress) -> Result<Connection, Error> {
        let address = address.into_address()?;
        let socket = connect(&address, Deadline::after(USUAL_DEADLINE).instant())?;
        self.over(socket, &address.to_string())
    }

    /// Takes a stream that is connected already, and greets the client; errors call it `peer`.
    ///
    /// # Errors
    ///
    /// If the [greeting](Self::greeting) is no object.
    pub fn over<S: Stream>(&self, stream: S, peer: &str) -> Result<Connection<S>, Error> {
        let options = self.options.clone();
        let server = match self.agent {
            true => Server::agent(options.unwrap_or(Options::agent())),
            false => Server::monitor(options.unwrap_or_default()),
        };
        let session = match &self.greeting {
            Some(greeting) if !self.agent => Json::parse(greeting)
                .map_err(Into::into)
                .and_then(|greeting| Session::greeting_with(server, greeting))
                .map_err(|refusal| Error::new(Cause::Refused(refusal)))?,
            _ => Session::new(server),
        };
        let manners = Manners {
            garbage_ends: self.garbage_ends && !self.agent,
            most_unsent: self.most_unsent,
            close_deadline: self.close_deadline,
        };
        let mut connection = Connection::new(stream, session, peer, manners);
        connection.write_now();
        Ok(connection)
    }
}
