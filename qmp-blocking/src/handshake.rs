//! Greeting and negotiation, or the agent's sync.

use std::time::{Duration, Instant};

use qmp_sockets::{Cause, Deadline, Error, advise_on_handshake, nonce};

use crate::Connection;
use crate::drive::Stopped;
use crate::stream::Stream;

/// How long an agent has for one sync before another is sent: what was written before it opened
/// its port may be lost.
const SYNC_AGAIN: Duration = Duration::from_secs(2);

impl<S: Stream> Connection<S> {
    /// Goes through the handshake: greeting and negotiation, or the agent's sync.
    pub(crate) fn handshake(&mut self) -> Result<(), Error> {
        let started = Instant::now();
        let waited = self.settings.handshake_deadline;
        let deadline = self.usual_deadline();
        self.handshake = None;
        loop {
            let mut until = deadline;
            if self.settings.agent || self.is_ready() {
                self.check_ended(false)?;
                self.send(|sender| sender.sync(nonce()))
                    .map_err(|refusal| self.refused(refusal))?;
                if let Some(end) = deadline.instant() {
                    until = Deadline::from(end.min(Instant::now() + SYNC_AGAIN));
                }
            }
            match self.drive(until, |connection| connection.handshake.take()) {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(failure)) => return Err(self.error(Cause::HandshakeRefused(failure))),
                Err(Stopped::Ended) => return Err(self.disconnected(false)),
                Err(Stopped::Deadline) if deadline.expired() => {
                    let advice = self.describe_silence();
                    let waited = started.elapsed().max(waited);
                    return Err(self.error(Cause::SilentHandshake { waited, advice }));
                }
                Err(Stopped::Deadline) => {}
            }
        }
    }

    fn describe_silence(&self) -> String {
        let unfinished = self.session.unread_length();
        advise_on_handshake(self.settings.agent, unfinished, || self.stream.describe_silence())
    }
}
