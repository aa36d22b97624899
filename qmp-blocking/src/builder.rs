//! How a connection is made.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use qmp_proto::{Client, Event, Options, Session};
use qmp_sockets::{
    Deadline, Direction, Error, EventQueue, IntoAddress, Listener, Socket, connect, nonce,
};
#[cfg(unix)]
use qmp_sockets::{Launch, Launched, Process};

use crate::Connection;
use crate::stream::Stream;
use crate::wire::Wire;

/// How long connecting and the handshake may take unless set.
const USUAL_DEADLINE: Duration = Duration::from_secs(10);

/// Makes a [`Connection`].
///
/// ```no_run
/// use std::time::Duration;
/// use qmp_blocking::Connection;
///
/// let mut qemu = Connection::builder()
///     .out_of_band()
///     .handshake_deadline(Duration::from_secs(60))
///     .on_wire(|direction, message| eprintln!("{direction:?} {}", String::from_utf8_lossy(message)))
///     .connect("tcp:localhost:4444")?;
/// # Ok::<(), qmp_blocking::Error>(())
/// ```
#[derive(Debug)]
pub struct Builder {
    settings: Settings,
    negotiated: bool,
    options: Option<Options>,
    pub(crate) connect_deadline: Duration,
    events: (usize, usize),
    wire: Wire,
}

/// What a connection keeps of it.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) agent: bool,
    pub(crate) enable: &'static [&'static str],
    pub(crate) handshake_deadline: Duration,
    pub(crate) deadline: Option<Duration>,
    pub(crate) tolerant: bool,
    /// The names of the events to keep; all, if there are none.
    pub(crate) kept_events: Vec<String>,
}

impl Settings {
    pub(crate) fn keeps(&self, event: &Event<'_>) -> bool {
        let kept = &self.kept_events;
        kept.is_empty() || kept.iter().any(|name| name == event.name())
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            settings: Settings {
                agent: false,
                enable: &[],
                handshake_deadline: USUAL_DEADLINE,
                deadline: None,
                tolerant: false,
                kept_events: Vec::new(),
            },
            negotiated: false,
            options: None,
            connect_deadline: USUAL_DEADLINE,
            events: (EventQueue::<()>::MOST_EVENTS, EventQueue::<()>::MOST_BYTES),
            wire: Wire::default(),
        }
    }
}

impl Builder {
    /// The other end is a guest agent.
    pub fn agent(mut self) -> Self {
        self.settings.agent = true;
        self
    }

    /// The monitor has greeted already and capabilities are negotiated, on a connection that
    /// somebody handed over: nothing is awaited before the first command.
    pub fn negotiated(mut self) -> Self {
        self.negotiated = true;
        self
    }

    /// Enables out-of-band execution. It is an error if the server does not offer it.
    ///
    /// Then at most 7 in-band commands are in flight, for with more QEMU would stop reading.
    pub fn out_of_band(mut self) -> Self {
        self.settings.enable = &[qmp_proto::OUT_OF_BAND];
        self
    }

    /// How long connecting may take, or waiting for a server to connect to us: 10 seconds unless
    /// set.
    pub fn connect_deadline(mut self, deadline: Duration) -> Self {
        self.connect_deadline = deadline;
        self
    }

    /// How long greeting and negotiation, or the sync, may take: 10 seconds unless set. A busy
    /// server, a stopped one and one that serves another client all look like silence.
    pub fn handshake_deadline(mut self, deadline: Duration) -> Self {
        self.settings.handshake_deadline = deadline;
        self
    }

    /// How long a command may take unless it says otherwise: for ever unless set.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = Some(deadline);
        self
    }

    /// Limits, and habits of servers other than QEMU.
    pub fn options(mut self, options: Options) -> Self {
        self.options = Some(options);
        self
    }

    /// How many events, and how many bytes of them, are kept for a slow reader: 4096 and 4 MiB
    /// unless set.
    pub fn event_limits(mut self, events: usize, bytes: usize) -> Self {
        self.events = (events, bytes);
        self
    }

    /// Keeps only events with these names, and drops all others when they come. For programs that
    /// are interested in a few and never take the rest, which would fill the memory for events.
    pub fn keep_events<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.settings.kept_events = names.into_iter().map(Into::into).collect();
        self
    }

    /// Goes on when a monitor sends bytes that are no message, where otherwise the connection ends:
    /// an answer may be lost in them.
    pub fn tolerate_malformed(mut self) -> Self {
        self.settings.tolerant = true;
        self
    }

    /// Shows every message on the wire to `hook`, the handshake's too, with passwords and other
    /// secrets masked, and without its line end.
    pub fn on_wire(mut self, hook: impl FnMut(Direction, &[u8]) + Send + 'static) -> Self {
        self.wire = Wire::new(Box::new(hook));
        self
    }

    /// Connects to a server.
    ///
    /// # Errors
    ///
    /// As [`Connection::connect`].
    pub fn connect(self, address: impl IntoAddress) -> Result<Connection, Error> {
        let address = address.into_address()?;
        let socket = connect(&address, Deadline::after(self.connect_deadline).instant())?;
        self.over(socket, &address.to_string())
    }

    /// Waits for a server to connect to us: `-qmp unix:PATH` without `server=on`.
    ///
    /// # Errors
    ///
    /// If none does within the deadline of connecting, or the handshake fails.
    pub fn accept(mut self, listener: &Listener) -> Result<Connection, Error> {
        let deadline = Deadline::after(self.connect_deadline);
        loop {
            let socket = listener.accept(deadline.instant())?;
            match self.start(socket, &listener.local_address().to_string()) {
                // Somebody who only looked whether anybody listens.
                Err(error) if error.is_disconnected() && !deadline.expired() => {}
                started => return started,
            }
        }
    }

    /// Starts QEMU or the storage daemon, connected from its first moment, and goes through the
    /// handshake. Keep the [`Process`]: dropped, it is killed.
    ///
    /// ```no_run
    /// use qmp_blocking::{Connection, Launch};
    ///
    /// let launch = Launch::qemu("qemu-system-x86_64").args(["-M", "q35", "-display", "none"]);
    /// let (mut qemu, mut process) = Connection::builder().launch(launch)?;
    /// qemu.execute("quit").run()?;
    /// println!("{}", process.wait()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the program cannot be started, or the handshake fails. If that is because the program has
    /// ended ([`Cause::Died`](crate::Cause::Died)), as after an option that it does not like, the
    /// error comes at once and tells what it said. In any case it is killed.
    #[cfg(unix)]
    pub fn launch(self, launch: Launch) -> Result<(Connection, Process), Error> {
        let Launched { socket, process, .. } = launch.spawn()?;
        match self.over(socket, &process.to_string()) {
            Ok(connection) => Ok((connection, process)),
            Err(error) => Err(process.explain(error)),
        }
    }

    /// Takes a stream that is connected already, and goes through the handshake on it; errors call
    /// the other end `peer`.
    ///
    /// A [`Socket`] is made of a `UnixStream` (one end of a socket pair, say), a `TcpStream` or an
    /// `OwnedFd`; [`NoDeadline`](crate::NoDeadline) takes anything else.
    ///
    /// # Errors
    ///
    /// If the handshake fails.
    pub fn over<S: Stream>(mut self, stream: S, peer: &str) -> Result<Connection<S>, Error> {
        self.start(stream, peer)
    }

    /// Takes the hook along only if it succeeds.
    pub(crate) fn start<S: Stream>(
        &mut self,
        stream: S,
        peer: &str,
    ) -> Result<Connection<S>, Error> {
        let options = self.options.clone();
        let client = if self.settings.agent {
            Client::agent(options.unwrap_or(Options::agent()))
        } else if self.negotiated {
            Client::negotiated(options.unwrap_or_default(), nonce())
        } else {
            Client::monitor(options.unwrap_or_default())
        };
        let mut connection = Connection {
            stream,
            session: Session::new(client),
            settings: self.settings.clone(),
            peer: Arc::from(peer),
            greeting: None,
            events: EventQueue::with_limits(self.events.0, self.events.1),
            wire: std::mem::take(&mut self.wire),
            handshake: None,
            deaf: false,
            ended: None,
            closed: Arc::new(AtomicBool::new(false)),
        };
        if connection.is_ready() {
            return Ok(connection);
        }
        match connection.handshake() {
            Ok(()) => Ok(connection),
            Err(error) => {
                self.wire = std::mem::take(&mut connection.wire);
                Err(error)
            }
        }
    }
}

#[allow(dead_code)]
fn a_connection_can_be_sent_to_another_thread(connection: Connection<Socket>) -> impl Send {
    connection
}
