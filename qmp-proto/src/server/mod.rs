//! The server half of the protocol, for virtual machine monitors that implement QMP, mock servers,
//! proxies and tests.
//!
//! [`Server`] is the counterpart of [`Client`](crate::Client), and [`Session`] adds the buffers.

mod agent;
mod answer;
mod command;
mod error_reply;
mod input;
mod monitor;
mod options;
mod phase;
mod read;
mod received;
mod repeated;
mod response;
mod session;
mod ticket;
mod write;

pub use answer::Unsent;
pub use command::Command;
pub use options::Options;
pub use phase::Phase;
pub use received::{Received, Rejected, Rejection, Step};
pub use response::Response;
pub use session::{Sender, Session};
pub use ticket::Ticket;

use core::fmt;

use crate::wire::Bounds;
use error_reply::PendingErrors;
use read::Reader;
use write::Form;

/// The server's half of a connection, as a monitor or as a guest agent.
///
/// A state machine without I/O, clock and input buffer, like the [`Client`](crate::Client).
/// [`handle_input`](Self::handle_input) takes bytes and returns commands that borrow from them.
/// [`answer`](Self::answer) and [`emit`](Self::emit) append replies and events to an
/// [`OutputBuffer`](crate::OutputBuffer). Each connection has its own `Server`.
///
/// It implements what is common to all QMP servers: greeting, negotiation, sync, ids, and error
/// replies to invalid requests. The caller implements the commands.
///
/// ```
/// use qmp_proto::server::{Options, Received, Response, Server};
/// use qmp_proto::{RawJson, Timestamp, Version};
///
/// let mut server: Server = Server::monitor(Options::monitor().version(Version::new(9, 1, 0)));
/// let mut out = Vec::new(); // to the socket
/// server.greet(&mut out)?;
///
/// let mut input = &br#"{"execute":"qmp_capabilities"}{"execute":"query-name","id":1.0}"#[..];
/// loop {
///     let step = server.handle_input(&mut out, input)?;
///     input = &input[step.used..];
///     match step.received {
///         Some(Received::Command(command, ticket)) => {
///             let response = match command.name() {
///                 "query-name" => Response::json(RawJson::parse(r#"{"name": "vm1"}"#)?),
///                 name => Response::command_not_found(name),
///             };
///             server.answer(&mut out, ticket, &response)?;
///         }
///         Some(_) => {} // no reply needed
///         None => break, // read more
///     }
/// }
/// server.emit(&mut out, "STOP", Timestamp::new(1795336229, 599), None)?;
///
/// assert_eq!(
///     String::from_utf8(out)?.lines().collect::<Vec<_>>(),
///     [
///         r#"{"QMP": {"version": {"qemu": {"micro": 0, "minor": 1, "major": 9}, "package": ""}, "capabilities": ["oob"]}}"#,
///         r#"{"return": {}}"#,
///         r#"{"return": {"name": "vm1"}, "id": 1}"#,
///         r#"{"timestamp": {"seconds": 1795336229, "microseconds": 599}, "event": "STOP"}"#,
///     ]
/// );
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// # States
///
/// ```text
///            monitor                              agent
///
///  Greeting ──greet──▶ Negotiating                Ready
///                          │   ▲
///         qmp_capabilities │   │ refused
///                          ▼   │
///                         Ready
/// ```
///
/// # In-flight limit
///
/// Each command has a [`Ticket`], which its reply consumes. At the in-flight limit no input is used
/// ([`wants_input`](Self::wants_input)), so a client cannot make its server store more commands.
/// The default limit is one command, and nine after `oob` was enabled. Stop reading at the limit,
/// and the client stops writing. The caller has to limit the output: pass no input while the output
/// is long.
///
/// A monitor replies to a request that it refuses after it has replied to all in-band commands
/// before it, as QEMU does. Until then the error reply takes the slot of a command. Error replies
/// to `exec-oob` do not wait, nor do those of an agent and replies to syncs, because real agents
/// have one command in flight.
///
/// # Differences from QEMU
///
/// The server accepts, refuses and answers the same requests as QEMU 5.2 to 10.0, with the same
/// error texts (some differ in 11.1), with these exceptions:
///
/// - **The rest of a broken message is skipped.** QEMU continues in the middle of a message that is
///   too deep, is too long or has a control character inside a string, and executes commands that
///   it finds there. So anybody who can insert text into a client's message can have any command
///   executed. This server sends one error reply for the whole message. It reads the next message
///   after the brackets of the broken one balance, after 0xFF, or at a line that starts like a
///   request (`{"execute":`, or another of its members) and that cannot be part of a value of the
///   broken message. This recovers from a missing quote, unless the next request has the other kind
///   of quotes or spans several lines; then send 0xFF or connect again.
/// - **An id too large for a double** (`1e400`) is returned unchanged. QEMU returns `inf`, which is
///   not JSON.
/// - **Members keep their order** in an id that is an object, and of several invalid members the
///   first is reported. QEMU uses the order of a hash table.
/// - **Error replies repeat at most a kilobyte** of the client's message, and its id.
/// - **Blanks inside a message count** towards its length. In QEMU they are unlimited.
pub struct Server {
    options: Options,
    dialect: Dialect,
    phase: Phase,
    reader: Reader,
    /// The number of unanswered in-band commands.
    in_band: usize,
    out_of_band: usize,
    pending_errors: PendingErrors,
}

/// The state that is specific to one kind of server.
#[derive(Debug)]
enum Dialect {
    Monitor(monitor::Monitor),
    Agent,
}

impl Server {
    /// Creates a monitor, such as QEMU's.
    pub fn monitor(options: Options) -> Self {
        Self::new(options, Dialect::Monitor(monitor::Monitor::default()), Phase::Greeting)
    }

    /// Creates a guest agent, which sends no greeting and no events, and replies to the sync.
    pub fn agent(options: Options) -> Self {
        Self::new(options, Dialect::Agent, Phase::Ready)
    }

    fn new(options: Options, dialect: Dialect, phase: Phase) -> Self {
        let bounds = Bounds { length: options.longest_message, depth: options.deepest_message };
        let reader = Reader::new(bounds);
        Self {
            options,
            dialect,
            phase,
            reader,
            in_band: 0,
            out_of_band: 0,
            pending_errors: PendingErrors::default(),
        }
    }

    /// Returns the phase of the connection.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns whether the client has enabled `oob`.
    pub fn is_out_of_band(&self) -> bool {
        matches!(&self.dialect, Dialect::Monitor(monitor) if monitor.out_of_band)
    }

    /// Returns the number of unanswered commands.
    pub fn in_flight(&self) -> usize {
        self.in_band + self.out_of_band
    }

    /// Returns whether input is used. If not, the in-flight limit is reached: stop reading, and
    /// pass the remaining input again after the next reply.
    pub fn wants_input(&self) -> bool {
        let in_band = self.in_band.saturating_add(self.pending_errors.waiting());
        in_band < self.options.in_band(self.is_out_of_band())
            && self.out_of_band < self.options.out_of_band_limit
    }

    /// Returns whether the input ends inside a message. QEMU ignores an incomplete message at the
    /// end of the stream.
    pub fn is_inside_message(&self) -> bool {
        self.reader.is_inside_message()
    }

    /// Returns the length of the longest message that is accepted, in bytes, including blanks. An
    /// input buffer never needs more than one byte above this length.
    pub const fn longest_message(&self) -> usize {
        self.options.longest_message
    }

    fn form(&self) -> Form {
        Form { pretty: self.options.pretty, line_end: self.options.line_end }
    }

    fn lane(&mut self, out_of_band: bool) -> &mut usize {
        if out_of_band { &mut self.out_of_band } else { &mut self.in_band }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("dialect", &self.dialect)
            .field("phase", &self.phase)
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}
