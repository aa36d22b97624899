//! The client half of the protocol.

mod agent;
mod end;
mod execute;
mod input;
mod monitor;
mod options;
mod pending;
mod phase;
mod received;

pub use end::ProtocolError;
pub use options::Options;
pub use phase::Phase;
pub use received::{CommandReply, NoReplyReason, Received, Step, Unanswered};

use crate::wire::{Bounds, Decoder};
use pending::Pending;

/// The capability for out-of-band execution.
pub const OUT_OF_BAND: &str = "oob";

/// The in-flight limit of in-band commands while `oob` is enabled. At nine QEMU stops reading,
/// which delays out-of-band commands, too; QEMU 5.2 does so at eight if none of them has begun.
const IN_BAND_BESIDE_OUT_OF_BAND: usize = 7;

/// The number of bytes that a guest agent reads at a time. On virtio-serial it loses replies while
/// its read buffer contains more commands, because GLib treats the device as a seekable file.
const AGENT_WINDOW: usize = 4096;

/// The client's half of a connection, to a monitor or to a guest agent.
///
/// A state machine without I/O, clock, buffers and queues. [`handle_input`](Self::handle_input)
/// takes bytes and returns messages that borrow from them. [`execute`](Self::execute) and the
/// handshake calls append messages to an [`OutputBuffer`](crate::OutputBuffer).
///
/// `T` is the type of the token that the caller attaches to a request and gets back with its reply.
/// `N` is the in-flight limit. Without the feature `alloc` the memory for `N` requests is part of
/// the client; with it, the memory grows on demand.
///
/// ```text
///            monitor                                      agent
///
///  Greeting ──greeting──▶ Greeted                        Unsynced
///                          │   ▲                           │   ▲
///                negotiate │   │ refused              sync │   │ refused; or a message
///                          ▼   │                           ▼   │ that cannot be read
///                        Negotiating                     Syncing
///                          │                               │   ▲
///                 answered │                      answered │   │ sync, at any time
///                          ▼                               ▼   │
///  Greeted ◀─another──── Ready                            Ready
///            greeting
///                    any ──end of stream, protocol error──▶ Ended
/// ```
#[derive(Debug)]
pub struct Client<T, const N: usize = 64> {
    options: Options,
    dialect: Dialect,
    phase: Phase,
    decoder: Decoder,
    pending: Pending<T, N>,
    /// Why the connection ended.
    error: Option<ProtocolError>,
}

/// The state that is specific to one kind of server.
#[derive(Debug)]
enum Dialect {
    Monitor(monitor::Monitor),
    Agent(agent::Agent),
}

impl<T, const N: usize> Client<T, N> {
    /// Creates a client of a monitor, such as QEMU or the storage daemon, that will send a
    /// greeting.
    pub fn monitor(options: Options) -> Self {
        Self::new(options, Dialect::Monitor(monitor::Monitor::default()), Phase::Greeting)
    }

    /// Creates a client of a monitor on a connection on which greeting and negotiation are
    /// complete, such as one that was passed on by another program.
    ///
    /// Replies to the previous owner's commands may still arrive, so ids start at a random number
    /// of 16 digits: `nonce` must be fresh and unpredictable.
    pub fn negotiated(options: Options, nonce: u64) -> Self {
        let mut client =
            Self::new(options, Dialect::Monitor(monitor::Monitor::default()), Phase::Ready);
        client.pending.start_at(nonce);
        client
    }

    /// Creates a client of a guest agent. Commands can be sent after the reply to
    /// [`sync`](Self::sync).
    pub fn agent(options: Options) -> Self {
        Self::new(options, Dialect::Agent(agent::Agent::default()), Phase::Unsynced)
    }

    fn new(options: Options, dialect: Dialect, phase: Phase) -> Self {
        const { assert!(N > 0, "the in-flight limit of a client must be at least 1") };
        let bounds = Bounds { length: options.longest_message, depth: options.deepest_message };
        let decoder = match dialect {
            Dialect::Monitor(_) => Decoder::monitor(bounds),
            Dialect::Agent(_) => Decoder::agent(bounds),
        };
        Self { options, dialect, phase, decoder, pending: Pending::new(), error: None }
    }

    /// Returns the phase of the connection. [`handle_input`](Self::handle_input),
    /// [`handle_end`](Self::handle_end) and the handshake calls change it.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns whether out-of-band commands can be sent.
    pub fn is_out_of_band(&self) -> bool {
        self.phase == Phase::Ready && !self.answers_in_order()
    }

    /// Returns the length of the longest message that is accepted, in bytes. An input buffer never
    /// needs more than one byte above this length.
    pub const fn longest_message(&self) -> usize {
        self.options.longest_message
    }

    /// Returns the number of unanswered requests, including abandoned ones.
    pub fn in_flight(&self) -> usize {
        self.pending.count()
    }
}
