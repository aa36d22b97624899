//! Whole messages of the caller's.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use qmp_proto::{RawMessage, Request};
use qmp_sockets::{Cause, Error, Untyped};

use crate::Connection;
use crate::answer::Place;
use crate::connection::Descriptor;
use crate::sent::{Clock, Sent};
use crate::stream::Stream;

/// A whole message of the caller's that is about to be sent.
#[must_use = "a message does nothing until it is run"]
pub struct Raw<'c, S: Stream> {
    connection: &'c mut Connection<S>,
    message: &'c str,
    deadline: Option<Duration>,
}

impl<'c, S: Stream> Raw<'c, S> {
    pub(crate) fn new(connection: &'c mut Connection<S>, message: &'c str) -> Self {
        let deadline = connection.settings.deadline;
        Self { connection, message, deadline }
    }

    /// How long to wait for the answer.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sends the message and waits for its answer: the whole message, errors too, with the id that
    /// the caller gave, or without one.
    ///
    /// # Errors
    ///
    /// If it is not one message that QEMU would read as it is meant, the deadline passes or the
    /// connection ends.
    pub fn run(self) -> Result<Vec<u8>, Error> {
        let Self { connection, message, deadline } = self;
        let message =
            RawMessage::parse(message).map_err(|error| connection.error(Cause::Json(error)))?;
        let name = message.name();
        connection.check_deadline(deadline).map_err(|error| error.in_command(name))?;
        let answered = Request::<'_, _, Descriptor>::new(name).is_answered();
        let clock = Clock::start(deadline, answered, connection.stream.has_deadlines());
        let place = Place::default();
        let request = connection.admit(name, &clock, |connection| {
            connection
                .send(|sender| sender.execute_raw(&message, place.token()))
                .map_err(|refused| refused.reason)
        })?;
        let name = name.to_owned().into();
        let sent = Sent::<Untyped> {
            request,
            place,
            peer: Arc::clone(&connection.peer),
            name,
            answered,
            clock,
            response: PhantomData,
        };
        let id = message.id().map(|id| id.as_str());
        let answer = match connection.collect(&sent) {
            Ok(reply) => reply.message_with_id(id),
            Err(error) => match error.failure() {
                Some(failure) => failure.message_with_id(id),
                None => return Err(error),
            },
        };
        answer.map_err(|error| connection.error(Cause::Decode(error.into())).in_command(&sent.name))
    }
}

impl<S: Stream> fmt::Debug for Raw<'_, S> {
    /// Not the message: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
