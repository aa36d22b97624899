//! What goes out.

use core::fmt;

use crate::json::{JsonError, JsonErrorKind, MAX_DEPTH, depth_of};
use crate::message::{RawJson, Timestamp};
use crate::output::{NoDescriptor, OutputBuffer};
use crate::request::SendErrorKind;
use crate::server::response::Kind;
use crate::server::ticket::Id;
use crate::server::write::Message;
use crate::server::{Dialect, Phase, Response, Server, Ticket};

/// An answer that was not sent: nothing of it is in the output, and the command is still to be
/// answered.
#[non_exhaustive]
pub struct Unsent<F = NoDescriptor> {
    /// Why.
    pub reason: SendErrorKind,
    /// The ticket, unused.
    pub ticket: Ticket<F>,
}

impl<F> fmt::Debug for Unsent<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, ticket } = self;
        f.debug_struct("Unsent").field("reason", reason).field("ticket", ticket).finish()
    }
}

impl<F> fmt::Display for Unsent<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.reason, f)
    }
}

impl<F> core::error::Error for Unsent<F> {}

impl<F> Server<F> {
    /// Appends the answer to a command to `out`. Tickets of another server must not be used here.
    ///
    /// # Errors
    ///
    /// If there is no room in `out`, or the value has more levels than the 1023 that fit into a
    /// message. Then the answer was not appended, and the ticket comes back.
    // The error holds what was passed in.
    #[allow(clippy::result_large_err)]
    pub fn answer(
        &mut self,
        out: &mut impl OutputBuffer,
        ticket: Ticket<F>,
        response: &Response<'_>,
    ) -> Result<(), Unsent<F>> {
        let flushed = self.pending_errors.flush(out).map_err(SendErrorKind::from);
        match flushed.and_then(|()| self.write_answer(out, ticket.id.as_ref(), response)) {
            Ok(()) => {
                self.leave_unanswered(out, ticket);
                Ok(())
            }
            Err(reason) => Err(Unsent { reason, ticket }),
        }
    }

    /// Ends a command without an answer: for those of the agent that answer only when they fail,
    /// such as `guest-shutdown`, and for servers that are to misbehave.
    ///
    /// Error replies that waited for this command are appended to `out`; those that do not fit, by the
    /// next call with room for them.
    pub fn leave_unanswered(&mut self, out: &mut impl OutputBuffer, ticket: Ticket<F>) {
        let lane = self.lane(ticket.number.is_none());
        *lane = lane.saturating_sub(1);
        if let Some(number) = ticket.number {
            self.pending_errors.settle(number);
            // What does not fit now is appended before anything else is.
            let _ = self.pending_errors.flush(out);
        }
        if self.descriptor.is_none() {
            self.descriptor = ticket.descriptor;
        }
    }

    /// Appends an event to `out`: when it happened, and what it carries, which is an object.
    ///
    /// # Errors
    ///
    /// If the client has not negotiated yet, or is an agent's: neither gets events, and QEMU drops
    /// them. Also if `data` is no object or has more than 1023 levels, or if there is no room in
    /// `out`.
    pub fn emit(
        &mut self,
        out: &mut impl OutputBuffer,
        name: &str,
        timestamp: Timestamp,
        data: Option<RawJson<'_>>,
    ) -> Result<(), SendErrorKind> {
        self.check_events()?;
        if let Some(data) = data {
            check_object(data)?;
            check_depth(data.as_str())?;
        }
        let data = data.map(RawJson::as_str);
        Ok(Message::Event { name, timestamp, data }.send(out, self.form())?)
    }

    /// Appends a whole event of the caller's to `out`, to pass on one of another server. It is
    /// sent as it is but for line ends, and characters beyond ASCII, which are escaped.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn emit_raw(
        &mut self,
        out: &mut impl OutputBuffer,
        event: RawJson<'_>,
    ) -> Result<(), SendErrorKind> {
        self.check_events()?;
        check_object(event)?;
        Ok(Message::Raw(event.as_str()).send(out, self.form())?)
    }

    fn check_events(&self) -> Result<(), SendErrorKind> {
        match self.dialect {
            Dialect::Monitor(_) if self.phase == Phase::Ready => Ok(()),
            _ => Err(SendErrorKind::NoEvents),
        }
    }

    fn write_answer(
        &self,
        out: &mut impl OutputBuffer,
        id: Option<&Id>,
        response: &Response<'_>,
    ) -> Result<(), SendErrorKind> {
        let id = id.map(Id::as_str);
        let message = match &response.0 {
            Kind::Success(value) => {
                check_depth(value)?;
                Message::Success { value, id }
            }
            Kind::RawError(error) => {
                check_depth(error)?;
                Message::RawFailure { error, id }
            }
            Kind::Error { class, description } => {
                return Ok(Message::Failure {
                    class,
                    description: format_args!("{description}"),
                    id,
                }
                .send(out, self.form())?);
            }
        };
        Ok(message.send(out, self.form())?)
    }
}

fn check_object(json: RawJson<'_>) -> Result<(), SendErrorKind> {
    if json.as_str().starts_with('{') {
        return Ok(());
    }
    Err(JsonError::new(JsonErrorKind::NotAnObject, 0).into())
}

/// The message around a value is one level more.
fn check_depth(text: &str) -> Result<(), SendErrorKind> {
    let limit = MAX_DEPTH - 1;
    // Levels take two bytes each, so only what is long can be deep.
    if text.len() > 2 * limit && depth_of(text.as_bytes()) > limit {
        return Err(JsonError::new(JsonErrorKind::TooDeep { limit }, 0).into());
    }
    Ok(())
}
