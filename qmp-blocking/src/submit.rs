//! Sending commands, and taking their answers.

use std::sync::Arc;

use qmp_proto::{Ending, OwnedReply, Phase, Refusal, Request, RequestId, WriteArguments};
use qmp_sockets::{Cause, Error};

use crate::Connection;
use crate::answer::{Answer, Place};
use crate::connection::Descriptor;
use crate::drive::Stopped;
use crate::sent::{Clock, Sent};
use crate::stream::Stream;

impl<S: Stream> Connection<S> {
    /// Tries to send, again whenever something has come in, until there is a turn.
    pub(crate) fn admit(
        &mut self,
        name: &str,
        clock: &Clock,
        mut send: impl FnMut(&mut Self) -> Result<RequestId, Refusal>,
    ) -> Result<RequestId, Error> {
        self.check_ended(false).map_err(|error| error.in_command(name))?;
        let mut refused = None;
        let admitted = self.drive(clock.deadline, |connection| match send(connection) {
            Err(refusal) if is_temporary(&refusal) => {
                refused = Some(refusal);
                None
            }
            sent => Some(sent),
        });
        let error = match (admitted, refused) {
            (Ok(Ok(request)), _) => return Ok(request),
            (Ok(Err(refusal)), _) => self.refused(refusal),
            (Err(Stopped::Deadline), Some(refusal)) => {
                let waited = clock.started.elapsed();
                self.error(Cause::NoTurn { waited, refusal })
            }
            (Err(_), _) => self.disconnected(false),
        };
        Err(error.in_command(name))
    }

    pub(crate) fn try_submit<A: WriteArguments>(
        &mut self,
        request: Request<'_, A, Descriptor>,
        place: &Place,
    ) -> Result<RequestId, (Refusal, Option<Descriptor>)> {
        self.send(|sender| sender.execute(request, place.token()))
            .map_err(|refused| (refused.reason, refused.descriptor))
    }

    pub(crate) fn collect<R>(&mut self, sent: &Sent<R>) -> Result<OwnedReply, Error> {
        if !Arc::ptr_eq(&sent.peer, &self.peer) {
            return Err(Error::new(Cause::OtherConnection).in_command(&sent.name));
        }
        let answer = self.drive(sent.clock.deadline, |_| sent.place.take());
        // The end of the connection settles what it leaves unanswered.
        match answer.or_else(|stopped| sent.place.take().ok_or(stopped)) {
            Ok(answer) => self.settle(sent, answer),
            Err(Stopped::Ended) => Err(self.disconnected(true).in_command(&sent.name)),
            Err(Stopped::Deadline) => self.give_up(sent),
        }
    }

    pub(crate) fn settle<R>(&self, sent: &Sent<R>, answer: Answer) -> Result<OwnedReply, Error> {
        let error = match answer {
            Answer::Reply(reply) => return Ok(reply),
            Answer::Failure(failure) => self.error(Cause::Failure(failure)),
            Answer::None(Ending::AsExpected) => return Ok(OwnedReply::empty()),
            Answer::None(_) if self.ended.is_none() => self.error(Cause::Unanswered),
            Answer::None(_) => self.disconnected(true),
        };
        Err(error.in_command(&sent.name))
    }

    pub(crate) fn give_up<R>(&mut self, sent: &Sent<R>) -> Result<OwnedReply, Error> {
        self.session.sender().abandon(sent.request);
        if sent.answered {
            Err(self.late(sent.clock.started.elapsed()).in_command(&sent.name))
        } else {
            // It would have been answered had it failed.
            Ok(OwnedReply::empty())
        }
    }
}

/// Refusals that pass when something is answered.
fn is_temporary(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::TooManyInFlight { .. }
            | Refusal::HeldByAbandoned { .. }
            | Refusal::DescriptorInFlight
            // The server has started anew.
            | Refusal::Phase(Phase::Negotiating)
    )
}
