//! The server's side of the protocol: [`Server`] and what belongs to it.
//!
//! For virtual machine monitors that speak QMP, mock servers, proxies and tests. `Server` is the
//! counterpart of [`Client`](crate::Client), and [`Session`] puts buffers beside it.

mod agent;
mod answer;
mod command;
mod error_reply;
mod input;
mod monitor;
mod options;
mod pending;
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

use crate::output::NoDescriptor;
use crate::wire::Bounds;
use pending::PendingErrors;
use read::Reader;
use write::Form;

/// The server's half of a connection, as a monitor or as a guest agent.
///
/// A pure state machine, shaped as the [`Client`](crate::Client) is: bytes go in through
/// [`handle_input`](Self::handle_input), commands come out, borrowed from them; answers and events
/// are appended to a [`OutputBuffer`](crate::OutputBuffer) by the call that makes them. It does no I/O, reads no
/// clock, and holds no bytes and no queue. One connection, one `Server`.
///
/// It takes care of all that every QMP server does alike: greeting, negotiation, sync, ids, the
/// errors for what cannot be understood. What the commands are is up to the caller.
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
///         Some(_) => {} // answered already
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
/// # What is in flight
///
/// Each command comes with a [`Ticket`], which its answer uses up. While as many commands are
/// unanswered as may be, no input is taken ([`wants_input`](Self::wants_input)), so a client cannot
/// make its server hold more than that: one, and nine once `oob` is enabled, unless set otherwise.
/// Stop reading then, and the client will stop writing. What the caller appends is the caller's to
/// bound: stop presenting input while the output is long.
///
/// A monitor replies to a request that it refuses once all in-band commands before it are answered, as
/// QEMU does; until then the reply takes the slot of a command. Replies to `exec-oob` do not wait, nor
/// do an agent's errors and syncs: real agents have one command in flight.
///
/// # Where it differs from QEMU
///
/// It accepts, refuses and answers what QEMU 5.2 to 10.0 do, with the same errors (11.1 words some
/// otherwise), but for these:
///
/// - **The rest of a broken message is passed over.** QEMU goes on reading in the middle of a message
///   that nests too deep, is too long or has a control character inside a string, and runs
///   commands that it finds there: whoever can put text into a client's message can have it run
///   anything. Here one error is sent for all of it. The next message is read once the brackets of
///   the broken one balance, or 0xFF comes, or a line begins as a request does (`{"execute":`, or
///   another of its members) and no value of the broken message can look like that. This suffices
///   for a person who forgets a quote, but not if the next request has the other kind of quotes or is
///   spread over lines: then send 0xFF or connect anew.
/// - **An id too large for a double** (`1e400`) is echoed as it stands; QEMU says `inf`, which is no
///   JSON.
/// - **Members keep their order** in an id that is an object, and when several members of a request
///   are wrong the first is named; QEMU goes by hash.
/// - **Errors repeat at most a kilobyte** of what the client sent, and its id.
/// - **Blanks inside a message count** towards its length; in QEMU they are unlimited.
/// - **A descriptor belongs to the next command** that comes after it. With `oob` enabled QEMU
///   gives it to whichever runs first.
pub struct Server<F = NoDescriptor> {
    options: Options,
    dialect: Dialect,
    phase: Phase,
    reader: Reader,
    /// How many commands are unanswered.
    in_band: usize,
    out_of_band: usize,
    pending_errors: PendingErrors,
    /// One that came, and that no command has had yet.
    descriptor: Option<F>,
}

/// What only one kind of server has.
#[derive(Debug)]
enum Dialect {
    Monitor(monitor::Monitor),
    Agent,
}

impl<F> Server<F> {
    /// A monitor, such as QEMU's.
    pub fn monitor(options: Options) -> Self {
        Self::new(options, Dialect::Monitor(monitor::Monitor::default()), Phase::Greeting)
    }

    /// A guest agent: it neither greets nor negotiates, sends no events, and answers the sync.
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
            descriptor: None,
        }
    }

    /// Where the connection stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the client has enabled `oob`.
    pub fn is_out_of_band(&self) -> bool {
        matches!(&self.dialect, Dialect::Monitor(monitor) if monitor.out_of_band)
    }

    /// How many commands are unanswered.
    pub fn in_flight(&self) -> usize {
        self.in_band + self.out_of_band
    }

    /// Whether input is taken. If not, as many commands are unanswered as may be: stop reading
    /// from the client, and after the next answer present again what is left.
    pub fn wants_input(&self) -> bool {
        let in_band = self.in_band.saturating_add(self.pending_errors.waiting());
        in_band < self.options.in_band(self.is_out_of_band())
            && self.out_of_band < self.options.out_of_band_limit
    }

    /// Whether the client is in the middle of a message. At the end of the stream it is lost, which
    /// QEMU passes over in silence.
    pub fn is_inside_message(&self) -> bool {
        self.reader.is_inside_message()
    }

    /// The longest message that is accepted, in bytes, blanks included: a buffer for input needs room
    /// for it, and for one byte more, and never grows beyond.
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

impl<F> fmt::Debug for Server<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("dialect", &self.dialect)
            .field("phase", &self.phase)
            .field("in_flight", &self.in_flight())
            .field("descriptor", &self.descriptor.is_some())
            .finish_non_exhaustive()
    }
}
