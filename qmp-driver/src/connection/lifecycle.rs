//! The life cycle of a connection: handshake, closing, end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use qmp_proto::{OwnedFailure, OwnedGreeting};

use crate::CloseReason;

/// The advice if replies came that belong to no request.
pub(crate) const STRAY: &str = "a reply came without the id of the command: if the server does not \
                                return ids, set `Options::echoes_ids(false)`";

/// How long an agent has to close its side after this side is closed.
pub(crate) const AGENT_LINGERS: Duration = Duration::from_millis(200);

/// The state of the life cycle.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    pub(crate) greeting: Option<Arc<OwnedGreeting>>,
    /// The handshake in progress.
    pub(crate) handshake: Option<Box<Handshake>>,
    /// Why the last handshake failed, or is expected to fail.
    pub(crate) failed: Option<Box<Failed>>,
    pub(crate) closing: Option<Closing>,
    /// A reply came that belongs to no request, and since then none that belongs to one.
    pub(crate) has_stray: bool,
    /// Closing took too long.
    pub(crate) closed_late: bool,
    /// The close reason. It is set once and is final.
    pub(crate) ended: Option<CloseReason>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Handshake {
    pub(crate) waited: Duration,
    pub(crate) deadline: Option<Instant>,
    /// When the next sync is sent to an agent.
    pub(super) sync_at: Option<Instant>,
    /// Whether the connection ends if the handshake fails. A later sync with an agent may fail.
    pub(crate) vital: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Failed {
    Refused(OwnedFailure),
    Silent { waited: Duration, advice: String },
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Closing {
    pub(crate) deadline: Option<Instant>,
    /// Replies are outstanding, too.
    pub(crate) answers: bool,
    /// All output is written; the server has time to read it and to close.
    pub(crate) lingers: bool,
}

impl Handshake {
    pub(crate) fn begin(now: Instant, waited: Duration, agent: bool, vital: bool) -> Self {
        Self { waited, deadline: now.checked_add(waited), sync_at: agent.then_some(now), vital }
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.deadline.into_iter().chain(self.sync_at).min()
    }
}

impl Lifecycle {
    /// Returns the deadline of the handshake or of closing.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let handshake = self.handshake.as_deref().and_then(|handshake| handshake.deadline);
        let closing = self.closing.and_then(|closing| closing.deadline);
        handshake.into_iter().chain(closing).min()
    }
}
