//! The client's side of the protocol.

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

use crate::request::RequestId;
use crate::wire::{Bounds, Decoder};
use pending::Pending;

/// The capability that lets commands be run out of band.
pub const OUT_OF_BAND: &str = "oob";

/// At most this many in-band commands may be unanswered once `oob` is enabled. With a ninth QEMU
/// stops reading, and out-of-band commands wait with it; QEMU 5.2 does so with the eighth if none
/// of them has begun.
const IN_BAND_BESIDE_OUT_OF_BAND: usize = 7;

/// A guest agent reads so many bytes at a time. On virtio-serial it loses answers while it has not
/// read all commands that were sent: GLib takes the device for a file in which one can seek.
const AGENT_WINDOW: usize = 4096;

/// The client's half of a connection, to a monitor or to a guest agent.
///
/// A pure state machine: bytes go in through [`handle_input`](Self::handle_input), what they mean
/// comes out, borrowed from them; commands are appended to a [`OutputBuffer`](crate::OutputBuffer) by the call that
/// makes them. It does no I/O, reads no clock, holds no bytes and no queue.
///
/// `T` is the caller's mark on a request, handed back with its answer. `N` is the most requests
/// that can be unanswered at once. Without the feature `alloc` their memory is part of the client;
/// with it, it grows on demand.
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

/// What only one kind of server has.
#[derive(Debug)]
enum Dialect {
    Monitor(monitor::Monitor),
    Agent(agent::Agent),
}

impl<T, const N: usize> Client<T, N> {
    /// A client of a monitor that will greet it: QEMU, the storage daemon.
    pub fn monitor(options: Options) -> Self {
        Self::new(options, Dialect::Monitor(monitor::Monitor::default()), Phase::Greeting)
    }

    /// A client of a monitor whose greeting and negotiation are over: of a connection that was
    /// handed over, say.
    ///
    /// Answers to whoever had it before may still come, so ids start at a random place, as
    /// numbers of 16 digits: `nonce` must be fresh and unpredictable.
    pub fn negotiated(options: Options, nonce: u64) -> Self {
        let mut client =
            Self::new(options, Dialect::Monitor(monitor::Monitor::default()), Phase::Ready);
        client.pending.start_at(nonce);
        client
    }

    /// A client of a guest agent. Nothing can be sent before [`sync`](Self::sync) is answered.
    pub fn agent(options: Options) -> Self {
        Self::new(options, Dialect::Agent(agent::Agent::default()), Phase::Unsynced)
    }

    fn new(options: Options, dialect: Dialect, phase: Phase) -> Self {
        const { assert!(N > 0, "a client needs room for one request at least") };
        let bounds = Bounds { length: options.longest_message, depth: options.deepest_message };
        let decoder = match dialect {
            Dialect::Monitor(_) => Decoder::monitor(bounds),
            Dialect::Agent(_) => Decoder::agent(bounds),
        };
        Self { options, dialect, phase, decoder, pending: Pending::new(), error: None }
    }

    /// Where the connection stands. Changed by [`handle_input`](Self::handle_input),
    /// [`handle_end`](Self::handle_end) and the handshakes.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether out-of-band commands can be sent.
    pub fn is_out_of_band(&self) -> bool {
        self.phase == Phase::Ready && !self.answers_in_order()
    }

    /// The longest message that is accepted, in bytes: a buffer for input needs room for it, and for
    /// one byte more, and never grows beyond.
    pub const fn longest_message(&self) -> usize {
        self.options.longest_message
    }

    /// How many requests are unanswered, abandoned ones included.
    pub fn in_flight(&self) -> usize {
        self.pending.count()
    }

    /// The caller's mark on a request that is unanswered and was not abandoned.
    pub fn token_mut(&mut self, request: RequestId) -> Option<&mut T> {
        self.pending.token_mut(request)
    }
}
