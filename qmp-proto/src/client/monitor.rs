//! Greeting and negotiation of monitors.

use crate::client::{Client, Dialect, OUT_OF_BAND, Phase, ProtocolError, Received};
use crate::message::{Failure, Greeting};
use crate::output::OutputBuffer;
use crate::request::{Identity, SendErrorKind, write_negotiation};

/// How many negotiations in a row may be followed by another greeting instead of a reply. QEMU does
/// it once. Without a limit, a server that greets on and on would fill the output.
const MOST_OVERTAKEN: u8 = 8;

#[derive(Debug, Default)]
pub(crate) struct Monitor {
    /// Whether the greeting offered `oob`.
    offers_out_of_band: bool,
    /// Whether the negotiation requested `oob`.
    out_of_band: bool,
    /// The id of the last negotiation.
    negotiation: u64,
    /// The id of the negotiation before it, if the server greeted again before it replied: QEMU 5.2
    /// and 7.2 sometimes greet a client twice that connects while they start, and accept the first
    /// negotiation.
    superseded: Option<u64>,
    /// How many negotiations were followed by another greeting since the last reply to one.
    overtaken: u8,
}

impl Monitor {
    pub(crate) const fn out_of_band(&self) -> bool {
        self.out_of_band
    }

    /// Returns whether this is the id of the last negotiation.
    pub(crate) const fn is_negotiation(&self, id: u64) -> bool {
        self.negotiation == id
    }

    /// Returns whether this is the id of a superseded negotiation, whose success makes the
    /// connection ready, too.
    pub(crate) fn is_superseded(&self, id: u64) -> bool {
        self.superseded == Some(id)
    }
}

impl<T, const N: usize> Client<T, N> {
    /// Negotiates capabilities and enables those in `enable`: none, or [`OUT_OF_BAND`].
    ///
    /// The reply is received as [`Received::Ready`] or [`Received::HandshakeFailed`]. Replies to
    /// the previous client of the connection may arrive first, so the id is derived from `nonce`,
    /// which must be fresh and unpredictable.
    ///
    /// # Errors
    ///
    /// If the server has not sent a greeting, or does not offer a capability in `enable`, or the
    /// message does not fit into `out`.
    pub fn negotiate(
        &mut self,
        out: &mut impl OutputBuffer,
        nonce: u64,
        enable: &[&str],
    ) -> Result<(), SendErrorKind> {
        let Dialect::Monitor(monitor) = &mut self.dialect else {
            return Err(SendErrorKind::OtherDialect);
        };
        if self.phase != Phase::Greeted {
            return Err(SendErrorKind::Phase(self.phase));
        }
        let out_of_band = enable.contains(&OUT_OF_BAND);
        if enable.iter().any(|&name| name != OUT_OF_BAND)
            || (out_of_band && !monitor.offers_out_of_band)
        {
            return Err(SendErrorKind::NotOffered);
        }
        let id = unmistakable(nonce);
        let string = self.options.string_ids;
        let identity = Identity { id, string, line_end: self.options.line_end };
        write_negotiation(out, enable, identity)?;
        monitor.negotiation = id;
        monitor.out_of_band = out_of_band;
        self.phase = Phase::Negotiating;
        Ok(())
    }

    pub(crate) fn greeted<'b>(
        &mut self,
        greeting: Greeting<'b>,
    ) -> Result<Option<Received<'b, T>>, ProtocolError> {
        let Dialect::Monitor(monitor) = &mut self.dialect else {
            return Ok(None);
        };
        let unanswered = self.phase == Phase::Negotiating;
        if unanswered && monitor.overtaken == MOST_OVERTAKEN {
            let greetings = MOST_OVERTAKEN;
            return Err(self.fail(ProtocolError::GreetsWithoutEnd { greetings }));
        }
        monitor.overtaken += u8::from(unanswered);
        monitor.superseded = unanswered.then_some(monitor.negotiation);
        monitor.offers_out_of_band = greeting.offers(OUT_OF_BAND);
        monitor.out_of_band = false;
        let first = self.phase == Phase::Greeting;
        self.phase = Phase::Greeted;
        if first {
            return Ok(Some(Received::Greeting(greeting)));
        }
        self.pending.lose_all();
        Ok(Some(Received::Restarted(greeting)))
    }

    pub(crate) fn negotiated_with<'b>(&mut self, failure: Option<Failure<'b>>) -> Received<'b, T> {
        if let Dialect::Monitor(monitor) = &mut self.dialect {
            monitor.overtaken = 0;
        }
        match failure {
            None => {
                self.phase = Phase::Ready;
                Received::Ready
            }
            Some(failure) => {
                self.phase = Phase::Greeted;
                Received::HandshakeFailed(failure)
            }
        }
    }
}

/// Returns an id of 53 bits, which no request has and which every server returns exactly.
pub(crate) const fn unmistakable(nonce: u64) -> u64 {
    const TOP: u64 = 1 << 52;
    TOP | (nonce & (TOP - 1))
}
