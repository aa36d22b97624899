//! What is particular to guest agents: the sync.

use crate::client::input::Id;
use crate::client::monitor::unmistakable;
use crate::client::{Client, Dialect, Phase, ProtocolError, Received};
use crate::message::{Failure, Reply};
use crate::output::OutputBuffer;
use crate::request::{SendErrorKind, write_sync};

#[derive(Debug, Default)]
pub(crate) struct Agent {
    /// The number of the sync under way.
    sync: u64,
    /// The message that comes next stands behind a sentinel.
    pub(crate) after_sentinel: bool,
}

impl<T, const N: usize> Client<T, N> {
    /// Syncs with the agent: voids what others left in the stream, in both directions.
    ///
    /// To be called first of all, and again at any time, after a deadline passed say; each time
    /// with a fresh and unpredictable `nonce`. The answer is [`Received::Ready`]. Requests that
    /// are unanswered by then come as [`Received::Unanswered`]: an agent answers in order.
    ///
    /// # Errors
    ///
    /// If this is no agent, the connection is over, or there is no room in `out`.
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

    /// Takes a success that may be the answer to our sync.
    ///
    /// Only behind a sentinel, and only with our number: earlier syncs may be answered late.
    pub(crate) fn synced<'b>(&mut self, reply: &Reply<'b>) -> Option<Received<'b, T>> {
        let Dialect::Agent(agent) = &mut self.dialect else {
            return None;
        };
        let number = reply.json().ok().and_then(|number| number.as_str().parse().ok());
        if !agent.after_sentinel || number != Some(agent.sync) {
            return None;
        }
        // Our sync carried an id, so this tells whether the agent gives ids back at all.
        self.options.echoes_ids &= reply.id_bytes().is_some_and(|id| id != b"null");
        self.phase = Phase::Ready;
        self.pending.lose_all();
        Some(Received::Ready)
    }

    /// Takes an error that may be the answer to our sync.
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

    /// A message could not be read: what comes next cannot be trusted before a sync.
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
