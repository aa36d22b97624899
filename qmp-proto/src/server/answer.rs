//! Sending replies and events.

use core::fmt;

use crate::json::{JsonError, JsonErrorKind, MAX_DEPTH, depth_of};
use crate::message::{RawJson, Timestamp};
use crate::output::OutputBuffer;
use crate::request::SendErrorKind;
use crate::server::response::Kind;
use crate::server::ticket::Id;
use crate::server::write::Message;
use crate::server::{Dialect, Phase, Response, Server, Ticket};

/// The reply was not sent: no part of it is in the output, and the command is still unanswered.
#[non_exhaustive]
pub struct Unsent {
    /// The reason.
    pub reason: SendErrorKind,
    /// The ticket, unused.
    pub ticket: Ticket,
}

impl fmt::Debug for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, ticket } = self;
        f.debug_struct("Unsent").field("reason", reason).field("ticket", ticket).finish()
    }
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.reason, f)
    }
}

impl core::error::Error for Unsent {}

impl Server {
    /// Appends the reply to a command to `out`. The ticket must be one of this server.
    ///
    /// # Errors
    ///
    /// If the reply does not fit into `out`, or its value has more than the 1023 levels that fit
    /// into a message. Then nothing is appended, and the error contains the ticket.
    // The error contains the ticket.
    #[allow(clippy::result_large_err)]
    pub fn answer(
        &mut self,
        out: &mut impl OutputBuffer,
        ticket: Ticket,
        response: &Response<'_>,
    ) -> Result<(), Unsent> {
        let flushed = self.pending_errors.flush(out).map_err(SendErrorKind::from);
        match flushed.and_then(|()| self.write_answer(out, ticket.id.as_ref(), response)) {
            Ok(()) => {
                self.leave_unanswered(out, ticket);
                Ok(())
            }
            Err(reason) => Err(Unsent { reason, ticket }),
        }
    }

    /// Ends a command without a reply: for commands without a success response, such as the agent's
    /// `guest-shutdown`, and for tests with misbehaving servers.
    ///
    /// Error replies that waited for this command are appended to `out`, or, if they do not fit, by
    /// a later call.
    pub fn leave_unanswered(&mut self, out: &mut impl OutputBuffer, ticket: Ticket) {
        let lane = self.lane(ticket.number.is_none());
        *lane = lane.saturating_sub(1);
        if let Some(number) = ticket.number {
            self.pending_errors.settle(number);
            // Replies that do not fit now are appended before anything else.
            let _ = self.pending_errors.flush(out);
        }
    }

    /// Appends an event to `out`. The data is an object.
    ///
    /// # Errors
    ///
    /// If the client has not negotiated yet, or this is an agent: neither receives events, and QEMU
    /// drops them. Also if `data` is not an object or has more than 1023 levels, or the event does
    /// not fit into `out`.
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

    /// Appends a complete event to `out`, to forward an event of another server. It is sent
    /// unchanged, except that line ends are removed and characters outside ASCII are escaped.
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

/// Checks the depth of a value, to which the message adds one level.
fn check_depth(text: &str) -> Result<(), SendErrorKind> {
    let limit = MAX_DEPTH - 1;
    // Each level takes two bytes, so a short text is not deep.
    if text.len() > 2 * limit && depth_of(text.as_bytes()) > limit {
        return Err(JsonError::new(JsonErrorKind::TooDeep { limit }, 0).into());
    }
    Ok(())
}
