//! Commands: put together, sent, awaited.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
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

/// How a reply becomes the value that [`run`](Execute::run) returns. There is no need to name it.
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

/// The reply as it came, of [`Connection::execute`]; [`decode`](OwnedReply::decode) it when needed.
#[derive(Debug)]
pub struct Untyped;

/// The output type of a [`Command`], of [`Connection::call`].
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
    ///
    /// A server keeps a file that came with a command that takes none, and gives it to the next
    /// command that does.
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
        sent.wait(connection)
    }

    /// Sends the command without waiting for its answer, which [`Sent::wait`] does later: so
    /// several can be in flight.
    ///
    /// If as many are unanswered as may be (64; 7 in-band ones with out-of-band execution), it waits
    /// until one is answered.
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
        connection.check_deadline(deadline).map_err(|error| error.in_command(name))?;
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
            request = if out_of_band { request.out_of_band() } else { request };
            request = if answered { request } else { request.without_answer() };
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
            peer: Arc::clone(&connection.peer),
            name: name.to_owned(),
            answered,
            clock,
            response: PhantomData,
        };
        Ok((connection, sent))
    }
}

impl<S: Stream, R> fmt::Debug for Execute<'_, S, R> {
    /// Not the arguments: they may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execute")
            .field("name", &self.name)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
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
    /// The connection's own, which tells it from others.
    peer: Arc<str>,
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
    /// As [`Execute::run`], or if the command was sent on another connection.
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
        Self { started: Instant::now(), deadline }
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

    fn try_submit<A: WriteArguments>(
        &mut self,
        request: Request<'_, A, Descriptor>,
        place: &Place,
    ) -> Result<RequestId, (Refusal, Option<Descriptor>)> {
        self.send(|sender| sender.execute(request, place.token()))
            .map_err(|refused| (refused.reason, refused.descriptor))
    }

    fn collect<R>(&mut self, sent: &Sent<R>) -> Result<OwnedReply, Error> {
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

    fn settle<R>(&self, sent: &Sent<R>, answer: Answer) -> Result<OwnedReply, Error> {
        let error = match answer {
            Answer::Reply(reply) => return Ok(reply),
            Answer::Failure(failure) => self.error(Cause::Failure(failure)),
            Answer::None(Ending::AsExpected) => return Ok(OwnedReply::empty()),
            Answer::None(_) if self.ended.is_none() => self.error(Cause::Unanswered),
            Answer::None(_) => self.disconnected(true),
        };
        Err(error.in_command(&sent.name))
    }

    fn give_up<R>(&mut self, sent: &Sent<R>) -> Result<OwnedReply, Error> {
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
        let name = name.to_owned();
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
        answer.map_err(|error| connection.error(Cause::Json(error)).in_command(&sent.name))
    }
}

impl<S: Stream> fmt::Debug for Raw<'_, S> {
    /// Not the message: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw").field("deadline", &self.deadline).finish_non_exhaustive()
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
