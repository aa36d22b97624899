//! Commands: put together, sent, awaited.

use std::marker::PhantomData;
use std::time::{Duration, Instant};

use qmp_proto::{
    Arguments, Ending, OwnedReply, Phase, RawMessage, Refusal, Request, RequestId, WriteArguments,
};
use qmp_sockets::{Cause, Deadline, Error};
use serde::Serialize;

use crate::answer::{Answer, Place};
use crate::connection::Descriptor;
use crate::drive::Stopped;
use crate::stream::Stream;
use crate::{Command, Connection};

/// How long a command that is answered only when it fails is given to fail, unless it has a
/// deadline.
const TIME_TO_FAIL: Duration = Duration::from_secs(10);

/// What a command's answer is turned into.
pub trait Response {
    /// What the caller gets.
    type Value;

    /// Makes it of the reply.
    ///
    /// # Errors
    ///
    /// If the reply is something else.
    fn from_reply(reply: OwnedReply) -> Result<Self::Value, Error>;
}

/// The reply as it came; [`decode`](OwnedReply::decode) it when needed.
#[derive(Debug)]
pub struct Untyped;

/// The output type of a [`Command`].
#[derive(Debug)]
pub struct Typed<C>(PhantomData<fn() -> C>);

impl Response for Untyped {
    type Value = OwnedReply;

    fn from_reply(reply: OwnedReply) -> Result<OwnedReply, Error> {
        Ok(reply)
    }
}

impl<C: Command> Response for Typed<C> {
    type Value = C::Output;

    fn from_reply(reply: OwnedReply) -> Result<C::Output, Error> {
        Ok(reply.decode()?)
    }
}

/// A command that is being put together; [`run`](Self::run) or [`send`](Self::send) sends it.
#[derive(Debug)]
#[must_use = "a command does nothing until it is run or sent"]
pub struct Execute<'c, S: Stream, R> {
    connection: &'c mut Connection<S>,
    name: &'c str,
    /// A JSON object without its closing brace, empty for none; or why it is none.
    arguments: Result<Vec<u8>, Refusal>,
    out_of_band: bool,
    answered: bool,
    descriptor: Option<Descriptor>,
    deadline: Option<Duration>,
    response: PhantomData<fn() -> R>,
}

impl<'c, S: Stream> Execute<'c, S, Untyped> {
    pub(crate) fn new(connection: &'c mut Connection<S>, name: &'c str) -> Self {
        Self::named(connection, name)
    }
}

impl<'c, S: Stream, C: Command> Execute<'c, S, Typed<C>> {
    pub(crate) fn typed(connection: &'c mut Connection<S>, command: &C) -> Self {
        let mut execute = Self::named(connection, C::NAME).arguments(command);
        execute.answered &= C::ANSWERED;
        execute
    }
}

impl<'c, S: Stream, R: Response> Execute<'c, S, R> {
    fn named(connection: &'c mut Connection<S>, name: &'c str) -> Self {
        let deadline = connection.settings.deadline;
        Self {
            connection,
            name,
            arguments: Ok(Vec::new()),
            out_of_band: false,
            answered: Request::<'_, _, Descriptor>::new(name).is_answered(),
            descriptor: None,
            deadline,
            response: PhantomData,
        }
    }

    /// With all these arguments: anything that serializes to a JSON object, or to `null` for none.
    pub fn arguments<A: Serialize + ?Sized>(mut self, arguments: &A) -> Self {
        self.arguments = serde_json::to_vec(arguments)
            .map_err(|error| Refusal::Unserializable(error.to_string()))
            .and_then(open_object);
        self
    }

    /// With one more argument.
    pub fn argument<A: Serialize + ?Sized>(mut self, name: &str, value: &A) -> Self {
        if let Ok(arguments) = &mut self.arguments {
            arguments.push(if arguments.is_empty() { b'{' } else { b',' });
            let written = serde_json::to_writer(&mut *arguments, name).and_then(|()| {
                arguments.push(b':');
                serde_json::to_writer(&mut *arguments, value)
            });
            if let Err(error) = written {
                self.arguments = Err(Refusal::Unserializable(error.to_string()));
            }
        }
        self
    }

    /// Out of band: run at once, also while an in-band command is busy. Only for commands that allow
    /// it (`query-yank`, `yank`, `migrate-pause`, `migrate-recover`), on a connection that was
    /// [built for it](crate::Builder::out_of_band).
    pub fn out_of_band(mut self) -> Self {
        self.out_of_band = true;
        self
    }

    /// The server answers this command only when it fails. Then [`run`](Self::run) succeeds when
    /// the connection ends, a later command is answered, or nothing has come for the deadline, 10
    /// seconds if it has none. The guest agent's `guest-shutdown` and `guest-suspend-…` are known
    /// by name.
    pub fn without_answer(mut self) -> Self {
        self.answered = false;
        self
    }

    /// With a file descriptor (`getfd`, `add-fd`). It is closed once it has left: the server has
    /// its own then. Descriptors take turns: the command waits until the one before is answered.
    #[cfg(unix)]
    pub fn descriptor(mut self, descriptor: impl Into<std::os::fd::OwnedFd>) -> Self {
        self.descriptor = Some(descriptor.into());
        self
    }

    /// How long to wait for the answer, from now; and for a turn, if too many are in flight.
    ///
    /// When it passes, the command is not taken back: its outcome is unknown.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sends the command and waits for its answer.
    ///
    /// # Errors
    ///
    /// If it cannot be sent, the server answers with an error, the deadline passes, or the
    /// connection ends. [`Error::outcome`] says whether it may have been done.
    pub fn run(self) -> Result<R::Value, Error> {
        let (connection, sent) = self.submit()?;
        connection.collect(&sent).and_then(|reply| {
            R::from_reply(reply)
                .map_err(|error| error.in_command(&sent.name).with_peer(&connection.peer))
        })
    }

    /// Sends the command without waiting for its answer, which [`Sent::wait`] does later: so
    /// several can be in flight.
    ///
    /// It waits for a turn if as many are in flight as may be.
    ///
    /// # Errors
    ///
    /// If it cannot be sent.
    pub fn send(self) -> Result<Sent<R>, Error> {
        let (connection, sent) = self.submit()?;
        // It leaves now, if there is room in the socket.
        connection.write_now();
        Ok(sent)
    }

    fn submit(self) -> Result<(&'c mut Connection<S>, Sent<R>), Error> {
        let Self {
            connection,
            name,
            arguments,
            out_of_band,
            answered,
            mut descriptor,
            deadline,
            ..
        } = self;
        connection
            .check_deadline(deadline)
            .map_err(|error| error.in_command(name))?;
        if descriptor.is_some() && !connection.stream.carries_descriptors() {
            return Err(connection.error(Cause::NoDescriptors).in_command(name));
        }
        let arguments =
            arguments.map_err(|refusal| connection.refused(refusal).in_command(name))?;
        let clock = Clock::start(deadline, answered, connection.stream.has_deadlines());
        let place = Place::default();
        let text = close_object(arguments)
            .map_err(|error| connection.error(Cause::Json(error)).in_command(name))?;
        let checked = text.as_deref().map(Arguments::parse).transpose();
        let checked =
            checked.map_err(|error| connection.error(Cause::Json(error)).in_command(name))?;
        let request = connection.admit(name, &clock, |connection| {
            let mut request = Request::new(name);
            request = if out_of_band {
                request.out_of_band()
            } else {
                request
            };
            request = if answered {
                request
            } else {
                request.without_answer()
            };
            if let Some(descriptor) = descriptor.take() {
                request = request.descriptor(descriptor);
            }
            let sent = match checked {
                Some(arguments) => connection.try_submit(request.checked(arguments), &place),
                None => connection.try_submit(request, &place),
            };
            sent.map_err(|(refusal, back)| {
                descriptor = back;
                refusal
            })
        })?;
        let sent = Sent {
            request,
            place,
            name: name.to_owned(),
            answered,
            clock,
            response: PhantomData,
        };
        Ok((connection, sent))
    }
}

/// A command that was sent and whose answer is awaited later.
///
/// Dropping it drops the answer when it comes; the command is not taken back.
#[derive(Debug)]
#[must_use = "the answer is lost if nobody waits for it"]
pub struct Sent<R = Untyped> {
    request: RequestId,
    place: Place,
    name: String,
    answered: bool,
    clock: Clock,
    response: PhantomData<fn() -> R>,
}

impl<R: Response> Sent<R> {
    /// Waits for the answer, on the connection that the command was sent on. Answers may be awaited
    /// in any order.
    ///
    /// # Errors
    ///
    /// As [`Execute::run`]; on another connection, what it does is unspecified.
    pub fn wait<S: Stream>(self, connection: &mut Connection<S>) -> Result<R::Value, Error> {
        connection.collect(&self).and_then(|reply| {
            R::from_reply(reply)
                .map_err(|error| error.in_command(&self.name).with_peer(&connection.peer))
        })
    }
}

/// When a command began, and when it has to be over.
#[derive(Clone, Copy, Debug)]
struct Clock {
    started: Instant,
    deadline: Deadline,
}

impl Clock {
    fn start(deadline: Option<Duration>, answered: bool, possible: bool) -> Self {
        let deadline = match deadline {
            None if !answered && possible => Some(TIME_TO_FAIL),
            deadline => deadline,
        };
        let deadline = deadline.map_or(Deadline::NEVER, Deadline::after);
        Self {
            started: Instant::now(),
            deadline,
        }
    }
}

impl<S: Stream> Connection<S> {
    /// Tries to send, again whenever something has come in, until there is a turn.
    fn admit(
        &mut self,
        name: &str,
        clock: &Clock,
        mut send: impl FnMut(&mut Self) -> Result<RequestId, Refusal>,
    ) -> Result<RequestId, Error> {
        self.check_ended(false)
            .map_err(|error| error.in_command(name))?;
        let admitted = self.drive(clock.deadline, |connection| match send(connection) {
            Err(
                Refusal::TooManyInFlight { .. }
                | Refusal::HeldByAbandoned { .. }
                | Refusal::DescriptorInFlight
                // The server has started anew.
                | Refusal::Phase(Phase::Negotiating),
            ) => None,
            sent => Some(sent),
        });
        let error = match admitted {
            Ok(Ok(request)) => return Ok(request),
            Ok(Err(refusal)) => self.refused(refusal),
            Err(Stopped::Ended) => self.disconnected(false),
            Err(Stopped::Deadline) => {
                let waited = clock.started.elapsed();
                self.error(Cause::Deadline {
                    waited,
                    sent: false,
                })
            }
        };
        Err(error.in_command(name))
    }

    fn try_submit<A: WriteArguments>(
        &mut self,
        request: Request<'_, A, Descriptor>,
        place: &Place,
    ) -> Result<RequestId, (Refusal, Option<Descriptor>)> {
        self.send(|sender| sender.execute(request, place.token()))
            .map_err(|refused| (refused.reason, refused.descriptor))
    }

    fn collect<R>(&mut self, sent: &Sent<R>) -> Result<OwnedReply, Error> {
        let answer = self.drive(sent.clock.deadline, |_| sent.place.take());
        // The end of the connection settles what it leaves unanswered.
        let answer = answer.or_else(|stopped| sent.place.take().ok_or(stopped));
        let error = match answer {
            Ok(Answer::Reply(reply)) => return Ok(reply),
            Ok(Answer::Failure(failure)) => self.error(Cause::Failure(failure)),
            Ok(Answer::None(Ending::AsExpected)) => return Ok(OwnedReply::empty()),
            Ok(Answer::None(_)) if self.ended.is_none() => self.error(Cause::Unanswered),
            Ok(Answer::None(_)) | Err(Stopped::Ended) => self.disconnected(true),
            Err(Stopped::Deadline) => {
                self.session.sender().abandon(sent.request);
                if !sent.answered {
                    return Ok(OwnedReply::empty());
                }
                let waited = sent.clock.started.elapsed();
                self.error(Cause::Deadline { waited, sent: true })
            }
        };
        Err(error.in_command(&sent.name))
    }
}

/// A whole message of the caller's that is about to be sent.
#[derive(Debug)]
#[must_use = "a message does nothing until it is run"]
pub struct Raw<'c, S: Stream> {
    connection: &'c mut Connection<S>,
    message: &'c str,
    deadline: Option<Duration>,
}

impl<'c, S: Stream> Raw<'c, S> {
    pub(crate) fn new(connection: &'c mut Connection<S>, message: &'c str) -> Self {
        let deadline = connection.settings.deadline;
        Self {
            connection,
            message,
            deadline,
        }
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
        let Self {
            connection,
            message,
            deadline,
        } = self;
        let message =
            RawMessage::parse(message).map_err(|error| connection.error(Cause::Json(error)))?;
        let name = message.name();
        connection
            .check_deadline(deadline)
            .map_err(|error| error.in_command(name))?;
        let answered = Request::<'_, _, Descriptor>::new(name).is_answered();
        let clock = Clock::start(deadline, answered, connection.stream.has_deadlines());
        let place = Place::default();
        let request = connection.admit(name, &clock, |connection| {
            connection
                .send(|sender| sender.execute_raw(&message, place.token()))
                .map_err(|refused| refused.reason)
        })?;
        let name = name.to_owned();
        let sent = Sent::<Untyped> {
            request,
            place,
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
        answer.map_err(|error| connection.error(Cause::Json(error)).in_command(&sent.name))
    }
}

/// Takes the closing brace off an object, so that members can be added.
fn open_object(mut json: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    if json == b"null" || json == b"{}" {
        json.clear();
    } else if json.starts_with(b"{") {
        json.pop();
    }
    // Anything else is refused when it is checked.
    Ok(json)
}

fn close_object(mut json: Vec<u8>) -> Result<Option<String>, qmp_proto::JsonError> {
    if json.is_empty() {
        return Ok(None);
    }
    if json.starts_with(b"{") {
        json.push(b'}');
    }
    // serde_json writes UTF-8.
    Ok(Some(String::from_utf8_lossy(&json).into_owned()))
}
