//! How a connection is made.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use qmp_proto::{Address, Client, Options, Session};
use qmp_sockets::{Deadline, Error, EventQueue, Listener, Socket, connect, nonce};

use crate::Connection;
use crate::stream::Stream;
use crate::wire::{Direction, Wire};

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
///     .on_wire(|direction, message| eprintln!("{direction:?} {}", message.escape_ascii()))
///     .connect("tcp:localhost:4444")?;
/// # Ok::<(), qmp_blocking::Error>(())
/// ```
#[derive(Debug)]
pub struct Builder {
    settings: Settings,
    negotiated: bool,
    options: Option<Options>,
    connect_deadline: Duration,
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
    /// Then at most 8 in-band commands may be in flight, for with more QEMU would stop reading.
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

    /// Goes on when a monitor sends bytes that are no message, where otherwise the connection ends:
    /// an answer may be lost in them.
    pub fn tolerate_malformed(mut self) -> Self {
        self.settings.tolerant = true;
        self
    }

    /// Shows every message on the wire to `hook`, the handshake's too, with passwords and other
    /// secrets masked.
    pub fn on_wire(mut self, hook: impl FnMut(Direction, &[u8]) + Send + 'static) -> Self {
        self.wire = Wire::new(Box::new(hook));
        self
    }

    /// Connects to a server.
    ///
    /// # Errors
    ///
    /// As [`Connection::connect`].
    pub fn connect<A>(self, address: A) -> Result<Connection, Error>
    where
        A: TryInto<Address, Error: Into<Error>>,
    {
        let address = address.try_into().map_err(Into::into)?;
        let socket = connect(&address, Deadline::after(self.connect_deadline).instant())?;
        self.over(socket, &address.to_string())
    }

    /// Waits for a server to connect to us: `-qmp unix:PATH` without `server=on`.
    ///
    /// # Errors
    ///
    /// If none does within the deadline of connecting, or the handshake fails.
    pub fn accept(self, listener: &Listener) -> Result<Connection, Error> {
        let socket = listener.accept(Deadline::after(self.connect_deadline).instant())?;
        self.over(socket, &listener.local_address().to_string())
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
    pub fn over<S: Stream>(self, stream: S, peer: &str) -> Result<Connection<S>, Error> {
        let client = if self.settings.agent {
            Client::agent(self.options.unwrap_or(Options::agent()))
        } else if self.negotiated {
            Client::negotiated(self.options.unwrap_or_default(), nonce())
        } else {
            Client::monitor(self.options.unwrap_or_default())
        };
        let mut connection = Connection {
            stream,
            session: Session::new(client),
            settings: self.settings,
            peer: Arc::from(peer),
            greeting: None,
            events: EventQueue::with_limits(self.events.0, self.events.1),
            wire: self.wire,
            handshake: None,
            deaf: false,
            ended: None,
            closed: Arc::new(AtomicBool::new(false)),
        };
        if !connection.is_ready() {
            connection.handshake()?;
        }
        Ok(connection)
    }
}

#[allow(dead_code)]
fn a_connection_can_be_sent_to_another_thread(connection: Connection<Socket>) -> impl Send {
    connection
}
