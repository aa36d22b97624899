//! Handling input.

use crate::client::pending::Settled;
use crate::client::{
    Client, CommandReply, Dialect, Phase, ProtocolError, Received, Step, Unanswered,
};
use crate::message::{Failure, Message, Reply};
use crate::wire::{Found, Malformed};

impl<T, const N: usize> Client<T, N> {
    /// Decodes bytes from the server.
    ///
    /// Call it again with the bytes that were not used until nothing is
    /// [`received`](Step::received). Then read more, and call it with the remaining bytes,
    /// unchanged, followed by the new ones. Each call receives at most one message, which borrows
    /// only the input: commands can be sent while it is in use.
    ///
    /// # Errors
    ///
    /// If the connection has ended with an error, which every later call returns, too.
    /// [`drain`](Self::drain) returns the unanswered requests.
    pub fn handle_input<'b>(&mut self, input: &'b [u8]) -> Result<Step<'b, T>, ProtocolError> {
        let mut used = 0;
        loop {
            // A reply to an abandoned request may have left others unanswered.
            if let Some(lost) = self.pending.next_lost(false) {
                return Ok(Step { used, received: Some(Received::Unanswered(lost)) });
            }
            if let Some(error) = self.error {
                return Err(error);
            }
            let decoded = self.decoder.decode(input.get(used..).unwrap_or_default());
            used += decoded.used;
            let Some(found) = decoded.found else {
                return Ok(Step { used, received: None });
            };
            if let Some(received) = self.take(found)? {
                return Ok(Step { used, received: Some(received) });
            }
        }
    }

    /// Handles the end of the stream: the server closed or reset the connection.
    ///
    /// # Errors
    ///
    /// If the end was not expected: inside a message, before the handshake was complete, or with
    /// requests unanswered. After `quit` the end is expected and is not an error.
    /// [`drain`](Self::drain) returns the unanswered requests.
    pub fn handle_end(&mut self) -> Result<(), ProtocolError> {
        if let Some(error) = self.error {
            return if error == ProtocolError::Ended { Ok(()) } else { Err(error) };
        }
        let count = self.pending.expecting_answers();
        let error = if self.decoder.inside_message() && self.phase == Phase::Ready {
            ProtocolError::EndInsideMessage
        } else if self.phase != Phase::Ready {
            ProtocolError::EndInHandshake { phase: self.phase }
        } else if count > 0 {
            ProtocolError::EndWithRequests { count }
        } else {
            self.fail(ProtocolError::Ended);
            return Ok(());
        };
        Err(self.fail(error))
    }

    /// Ends the connection from this side, and returns all unanswered requests.
    pub fn drain(&mut self) -> impl Iterator<Item = Unanswered<T>> + '_ {
        if self.error.is_none() {
            self.fail(ProtocolError::Ended);
        }
        self.pending.lose_all();
        core::iter::from_fn(|| self.pending.next_lost(true))
    }

    pub(crate) fn fail(&mut self, error: ProtocolError) -> ProtocolError {
        self.phase = Phase::Ended;
        self.error = Some(error);
        error
    }

    fn take<'b>(&mut self, found: Found<'b>) -> Result<Option<Received<'b, T>>, ProtocolError> {
        let agent = matches!(self.dialect, Dialect::Agent(_));
        let received = match found {
            Found::Message(message) => return self.message(message),
            Found::Sentinel => {
                if let Dialect::Agent(agent) = &mut self.dialect {
                    agent.after_sentinel = true;
                }
                None
            }
            Found::Malformed(malformed) => self.malformed(malformed),
            Found::TooLong | Found::TooDeep | Found::FramingLost if agent => self.desynchronise(),
            Found::TooLong => {
                let limit = self.options.longest_message;
                return Err(self.fail(ProtocolError::MessageTooLong { limit }));
            }
            Found::TooDeep => {
                let limit = self.options.deepest_message;
                return Err(self.fail(ProtocolError::TooDeep { limit }));
            }
            Found::FramingLost => return Err(self.fail(ProtocolError::FramingLost)),
        };
        Ok(received)
    }

    /// Before the sync, malformed bytes are remains of other clients' replies and are ignored.
    fn malformed<'b>(&mut self, malformed: Malformed<'b>) -> Option<Received<'b, T>> {
        if let Dialect::Agent(agent) = &mut self.dialect {
            agent.after_sentinel = false;
        }
        match self.phase {
            Phase::Unsynced | Phase::Syncing => None,
            _ => Some(Received::Malformed(malformed)),
        }
    }

    fn message<'b>(
        &mut self,
        message: Message<'b>,
    ) -> Result<Option<Received<'b, T>>, ProtocolError> {
        let received = match message {
            Message::Greeting(greeting) => match self.dialect {
                Dialect::Monitor(_) => self.greeted(greeting)?,
                // A synced agent is a real agent, so the guest's program sends nonsense.
                Dialect::Agent(_) if self.phase == Phase::Ready => {
                    Some(Received::Stray(greeting.message()))
                }
                Dialect::Agent(_) => return Err(self.greeted_by_monitor()),
            },
            // Agents send no events. Before the sync, this is a remnant of an earlier stream.
            Message::Event(_) if matches!(self.phase, Phase::Unsynced | Phase::Syncing) => None,
            Message::Event(event) => Some(Received::Event(event)),
            Message::Reply(reply) => self.reply(reply),
            Message::Failure(failure) => self.failure(failure),
        };
        if let Dialect::Agent(agent) = &mut self.dialect {
            agent.after_sentinel = false;
        }
        Ok(received)
    }

    fn reply<'b>(&mut self, reply: Reply<'b>) -> Option<Received<'b, T>> {
        let id = self.id(reply.id_bytes());
        let stray = Some(Received::Stray(reply.message()));
        match self.phase {
            Phase::Negotiating if self.answers_negotiation(id) || self.answers_superseded(id) => {
                Some(self.negotiated_with(None))
            }
            Phase::Syncing => {
                let synced = self.synced(&reply);
                synced.or_else(|| self.settle(id).and_then(|settled| answer(settled, Ok(reply))))
            }
            Phase::Ready => {
                let settled = match id {
                    Id::Absent if !self.options.echoes_ids => self.pending.settle_only(),
                    id => self.settle(id),
                };
                match settled {
                    Some(settled) => answer(settled, Ok(reply)),
                    None => stray,
                }
            }
            Phase::Unsynced => None,
            _ => stray,
        }
    }

    fn failure<'b>(&mut self, failure: Failure<'b>) -> Option<Received<'b, T>> {
        let id = self.id(failure.id_bytes());
        let stray = Some(Received::Stray(failure.message()));
        match self.phase {
            Phase::Greeting => Some(Received::ErrorBeforeGreeting(failure)),
            Phase::Negotiating if self.answers_negotiation(id) => {
                Some(self.negotiated_with(Some(failure)))
            }
            Phase::Syncing => {
                let failed = self.sync_failed(id, failure);
                failed.or_else(|| self.settle(id).and_then(|settled| answer(settled, Err(failure))))
            }
            // The server could not determine the request. It is known if only one is in flight.
            Phase::Ready if id == Id::Absent => match self.pending.settle_only() {
                Some(settled) => answer(settled, Err(failure)),
                None if self.pending.count() == 0 => stray,
                None => {
                    self.fail(ProtocolError::ServerParseError);
                    Some(Received::ServerParseError(failure))
                }
            },
            Phase::Ready => match self.settle(id) {
                Some(settled) => answer(settled, Err(failure)),
                None => stray,
            },
            Phase::Unsynced => None,
            _ => stray,
        }
    }

    /// Parses the id of a reply.
    fn id(&self, id: Option<&[u8]>) -> Id {
        match id {
            None => Id::Absent,
            // Equals a missing id if the server does not return ids.
            Some(b"null") if !self.options.echoes_ids => Id::Absent,
            Some(id) => number(id).map_or(Id::Foreign, Id::Number),
        }
    }

    fn answers_negotiation(&self, id: Id) -> bool {
        match (&self.dialect, id) {
            (Dialect::Monitor(_), Id::Absent) => !self.options.echoes_ids,
            (Dialect::Monitor(monitor), Id::Number(id)) => monitor.is_negotiation(id),
            _ => false,
        }
    }

    fn answers_superseded(&self, id: Id) -> bool {
        match (&self.dialect, id) {
            (Dialect::Monitor(monitor), Id::Number(id)) => monitor.is_superseded(id),
            _ => false,
        }
    }

    /// Finds the request of a reply, and marks the requests before it as lost.
    fn settle(&mut self, id: Id) -> Option<Settled<T>> {
        let Id::Number(id) = id else { return None };
        let settled = self.pending.settle(id)?;
        if !settled.out_of_band && self.answers_in_order() {
            self.pending.lose_before(settled.request);
        }
        Some(settled)
    }
}

/// The id of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    Absent,
    /// An id of this client, if it is the id of a request.
    Number(u64),
    /// An id that this client never sends.
    Foreign,
}

/// Returns the reply to a request, or nothing if the request was abandoned.
fn answer<'b, T>(
    settled: Settled<T>,
    outcome: Result<Reply<'b>, Failure<'b>>,
) -> Option<Received<'b, T>> {
    let Settled { request, token, .. } = settled;
    token.map(|token| Received::Reply(CommandReply { request, token, outcome }))
}

/// Parses an id, which the server may return as a number or as a string.
fn number(id: &[u8]) -> Option<u64> {
    let digits = id.strip_prefix(b"\"").and_then(|id| id.strip_suffix(b"\"")).unwrap_or(id);
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}
