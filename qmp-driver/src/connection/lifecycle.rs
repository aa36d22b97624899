//! Where a connection stands: its handshake, its closing, its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use qmp_proto::{OwnedFailure, OwnedGreeting};

use crate::CloseReason;

/// How long an agent has to close its end once we have closed ours.
pub(crate) const AGENT_LINGERS: Duration = Duration::from_millis(200);

/// Where the connection stands.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    pub(crate) greeting: Option<Arc<OwnedGreeting>>,
    /// The handshake under way.
    pub(crate) handshake: Option<Box<Handshake>>,
    /// Why the last one failed, or is likely to.
    pub(crate) failed: Option<Box<Failed>>,
    pub(crate) closing: Option<Closing>,
    /// Closing took too long.
    pub(crate) closed_late: bool,
    /// Set once; nothing happens after.
    pub(crate) ended: Option<CloseReason>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Handshake {
    pub(crate) waited: Duration,
    pub(crate) deadline: Option<Instant>,
    /// When an agent is sent a sync, again and again.
    pub(super) sync_at: Option<Instant>,
    /// Without it there is no connection; a sync that is repeated may fail.
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
    /// Answers are awaited, too.
    pub(crate) answers: bool,
    /// Everything is done, and the server is given time to read it and to close.
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
    /// When the handshake, or closing, takes too long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let handshake = self.handshake.as_deref().and_then(|handshake| handshake.deadline);
        let closing = self.closing.and_then(|closing| closing.deadline);
        handshake.into_iter().chain(closing).min()
    }
}
