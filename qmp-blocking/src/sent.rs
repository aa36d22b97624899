//! Commands on their way.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qmp_proto::{OwnedReply, RequestId};
use qmp_sockets::{Cause, Deadline, Error, Response, Untyped};

use crate::Connection;
use crate::answer::Place;
use crate::stream::Stream;

/// How long a command that is answered only when it fails is given to fail, unless it has a
/// deadline.
const TIME_TO_FAIL: Duration = Duration::from_secs(10);

/// A command that was sent and whose answer is awaited later.
///
/// Dropping it drops the answer when it comes; the command is not taken back.
#[derive(Debug)]
#[must_use = "the answer is lost if nobody waits for it"]
pub struct Sent<R = Untyped> {
    pub(crate) request: RequestId,
    pub(crate) place: Place,
    /// The connection's own, which tells it from others.
    pub(crate) peer: Arc<str>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) answered: bool,
    pub(crate) clock: Clock,
    pub(crate) response: PhantomData<fn() -> R>,
}

impl<R: Response> Sent<R> {
    /// Waits for the answer, on the connection that the command was sent on. Answers may be awaited
    /// in any order.
    ///
    /// # Errors
    ///
    /// As [`Execute::run`](crate::Execute::run), or if the command was sent on another connection.
    pub fn wait<S: Stream>(self, connection: &mut Connection<S>) -> Result<R::Value, Error> {
        let reply = connection.collect(&self);
        self.respond(reply)
    }

    /// The answer if it is there; reads what the socket holds, and does not wait. Its deadline
    /// passes here too.
    ///
    /// After it has returned an answer or an error, it has none any more.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn look<S: Stream>(
        &mut self,
        connection: &mut Connection<S>,
    ) -> Result<Option<R::Value>, Error> {
        if !Arc::ptr_eq(&self.peer, &connection.peer) {
            return Err(Error::new(Cause::OtherConnection).in_command(&self.name));
        }
        let mut answer = self.place.take();
        if answer.is_none() {
            connection.read_now();
            answer = self.place.take();
        }
        let reply = match answer {
            Some(answer) => connection.settle(self, answer),
            None if connection.ended.is_some() => {
                Err(connection.disconnected(true).in_command(&self.name))
            }
            None if self.clock.deadline.expired() => connection.give_up(self),
            None => return Ok(None),
        };
        self.respond(reply).map(Some)
    }

    fn respond(&self, reply: Result<OwnedReply, Error>) -> Result<R::Value, Error> {
        R::from_reply(reply?).map_err(|error| error.in_command(&self.name).with_peer(&self.peer))
    }
}

/// When a command began, and when it has to be over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) started: Instant,
    pub(crate) deadline: Deadline,
}

impl Clock {
    pub(crate) fn start(deadline: Option<Duration>, answered: bool, possible: bool) -> Self {
        let deadline = match deadline {
            None if !answered && possible => Some(TIME_TO_FAIL),
            deadline => deadline,
        };
        let deadline = deadline.map_or(Deadline::NEVER, Deadline::after);
        Self { started: Instant::now(), deadline }
    }
}
