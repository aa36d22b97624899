//! The sync of guest agents.

use crate::client::input::Id;
use crate::client::monitor::unmistakable;
use crate::client::{Client, Dialect, Phase, ProtocolError, Received};
use crate::message::{Failure, Reply};
use crate::output::OutputBuffer;
use crate::request::{SendErrorKind, write_sync};

#[derive(Debug, Default)]
pub(crate) struct Agent {
    /// The number of the last sync that was sent.
    sync: u64,
    /// Whether a sentinel precedes the next message.
    pub(crate) after_sentinel: bool,
}

impl<T, const N: usize> Client<T, N> {
    /// Syncs with the agent, which discards what earlier clients left in the stream in both
    /// directions.
    ///
    /// Call it before the first command, and again at any time, such as after a timeout; each time
    /// with a fresh and unpredictable `nonce`. The reply is received as [`Received::Ready`].
    /// Requests that are then unanswered are received as [`Received::Unanswered`], because an agent
    /// replies in order.
    ///
    /// # Errors
    ///
    /// If the server is not an agent, the connection has ended, or the message does not fit into
    /// `out`.
    pub fn sync(&mut self, out: &mut impl OutputBuffer, nonce: u64) -> Result<(), SendErrorKind> {
        let Dialect::Agent(agent) = &mut self.dialect else {
            return Err(SendErrorKind::OtherDialect);
        };
        if self.phase == Phase::Ended {
            return Err(SendErrorKind::Phase(self.phase));
        }
        let number = unmistakable(nonce);
        write_sync(out, number)?;
        agent.sync = number;
        agent.after_sentinel = false;
        self.phase = Phase::Syncing;
        Ok(())
    }

    /// Handles a success reply that may be the reply to our sync.
    ///
    /// It is that only after a sentinel and with our number, because replies to earlier syncs may
    /// arrive late.
    pub(crate) fn synced<'b>(&mut self, reply: &Reply<'b>) -> Option<Received<'b, T>> {
        let Dialect::Agent(agent) = &mut self.dialect else {
            return None;
        };
        let number = reply.json().ok().and_then(|number| number.as_str().parse().ok());
        if !agent.after_sentinel || number != Some(agent.sync) {
            return None;
        }
        // Our sync had an id, so its reply shows whether the agent returns ids.
        self.options.echoes_ids &= reply.id_bytes().is_some_and(|id| id != b"null");
        self.phase = Phase::Ready;
        self.pending.lose_all();
        Some(Received::Ready)
    }

    /// Handles an error reply that may be the reply to our sync.
    pub(crate) fn sync_failed<'b>(
        &mut self,
        id: Id,
        failure: Failure<'b>,
    ) -> Option<Received<'b, T>> {
        match &self.dialect {
            Dialect::Agent(agent) if id == Id::Number(agent.sync) => {
                self.phase = Phase::Unsynced;
                Some(Received::HandshakeFailed(failure))
            }
            _ => None,
        }
    }

    /// Handles an unreadable message of an agent, after which a new sync is needed.
    pub(crate) fn desynchronise(&mut self) -> Option<Received<'static, T>> {
        if let Dialect::Agent(agent) = &mut self.dialect {
            agent.after_sentinel = false;
        }
        if self.phase != Phase::Ready {
            return None;
        }
        self.phase = Phase::Unsynced;
        self.pending.lose_all();
        Some(Received::Desynchronised)
    }

    pub(crate) fn greeted_by_monitor(&mut self) -> ProtocolError {
        self.fail(ProtocolError::NotAnAgent)
    }
}
