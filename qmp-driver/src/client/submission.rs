//! A message from the caller until its reply.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use qmp_proto::{NoReplyReason, Request, RequestId};
use serde::Serialize;

use crate::client::arguments::ArgumentsBuilder;
use crate::client::attempt::{Attempt, Attempted, CommandClock, MessageText, QueuePlace, Ready};
use crate::client::response::{Completed, Reply};
use crate::connection::Connection;
use crate::connection::deadlines::NOT_POLLED;
use crate::connection::lifecycle::STRAY;
use crate::connection::machine::{AfterUnlock, Machine};
use crate::connection::waits::{Awaited, CommandOutcome, Keeper};
use crate::sync::MutexGuard;
use crate::trace::CommandSpan;
use crate::transport::Descriptor;
use crate::{Client, CloseReason, Error, ErrorKind};

/// How long a command without a success response and without a timeout may take to fail.
const TIME_TO_FAIL: Duration = Duration::from_secs(10);

/// The message to send.
pub(crate) enum Message {
    Command {
        arguments: ArgumentsBuilder,
        out_of_band: bool,
        descriptor: Option<Descriptor>,
    },
    /// A complete message from the caller.
    Raw {
        text: String,
        out_of_band: bool,
        descriptor: Option<Descriptor>,
    },
    /// Invalid: the first poll returns the error.
    Invalid(ErrorKind),
}

impl Message {
    pub(crate) const fn command() -> Self {
        let arguments = ArgumentsBuilder::none();
        Self::Command { arguments, out_of_band: false, descriptor: None }
    }

    pub(crate) fn raw(text: &str, out_of_band: bool) -> Self {
        Self::Raw { text: text.to_owned(), out_of_band, descriptor: None }
    }

    /// Completes and checks the text before a lock is taken.
    fn ready(self) -> Result<Ready, ErrorKind> {
        Ok(match self {
            Self::Command { arguments, out_of_band, descriptor } => {
                Ready { text: MessageText::Arguments(arguments.finish()?), out_of_band, descriptor }
            }
            Self::Raw { text, out_of_band, descriptor } => {
                Ready { text: MessageText::Raw(text), out_of_band, descriptor }
            }
            Self::Invalid(cause) => return Err(cause),
        })
    }
}

/// A message that waits to be sent, for a free slot, or for its reply.
pub(crate) struct Submission {
    client: Client,
    name: Cow<'static, str>,
    answered: bool,
    timeout: Option<Duration>,
    stage: Stage,
}

enum Stage {
    New(Message),
    Queued(Bound, Ready, QueuePlace),
    Sent(Bound, usize, RequestId),
    Done,
}

/// The state that the first poll determines.
struct Bound {
    connection: Arc<Connection>,
    clock: CommandClock,
    span: CommandSpan,
}

impl Submission {
    pub(crate) fn new(client: &Client, name: Cow<'static, str>, message: Message) -> Self {
        Self {
            client: client.clone(),
            answered: Request::<'_, Descriptor>::new(&name).expects_success_response(),
            name,
            timeout: client.link().timeout(),
            stage: Stage::New(message),
        }
    }

    pub(crate) fn set_arguments<A: Serialize + ?Sized>(&mut self, arguments: &A) {
        if let Message::Command { arguments: place, .. } = self.message() {
            *place = ArgumentsBuilder::of(arguments);
        }
    }

    pub(crate) fn add_argument<A: Serialize + ?Sized>(&mut self, name: &str, value: &A) {
        if let Message::Command { arguments, .. } = self.message() {
            arguments.add(name, value);
        }
    }

    pub(crate) fn set_out_of_band(&mut self) {
        if let Message::Command { out_of_band, .. } = self.message() {
            *out_of_band = true;
        }
    }

    #[cfg(unix)]
    pub(crate) fn set_descriptor(&mut self, sent: Descriptor) {
        match self.message() {
            Message::Command { descriptor, .. } | Message::Raw { descriptor, .. } => {
                *descriptor = Some(sent);
            }
            Message::Invalid(_) => {}
        }
    }

    pub(crate) fn expect_no_success(&mut self) {
        self.message();
        self.answered = false;
    }

    pub(crate) fn set_timeout(&mut self, timeout: Duration) {
        self.message();
        self.timeout = Some(timeout);
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) const fn is_queued(&self) -> bool {
        matches!(self.stage, Stage::Queued(..))
    }

    fn message(&mut self) -> &mut Message {
        match &mut self.stage {
            Stage::New(message) => message,
            _ => panic!("`{}` was changed after it was first polled", self.name),
        }
    }

    pub(crate) fn poll_reply(&mut self, cx: &Context<'_>) -> Poll<Result<Reply, Error>> {
        let stage = std::mem::replace(&mut self.stage, Stage::Done);
        let polled = match stage {
            Stage::New(message) => self.begin(cx, message),
            Stage::Queued(bound, ready, place) => self.attempt(cx, bound, ready, Some(place)),
            Stage::Sent(bound, key, request) => self.poll_answer(cx, bound, key, request),
            Stage::Done => panic!("`{}` was polled after it completed", self.name),
        };
        let (Bound { connection, span, .. }, answer) = ready!(polled);
        let answer = match answer {
            Ok(Completed { reply: Ok(reply), position }) => {
                let name = std::mem::take(&mut self.name);
                Ok(Reply::new(reply, position, name, Arc::clone(&connection.peer)))
            }
            Ok(Completed { reply: Err(failure), position }) => Err(connection
                .error(ErrorKind::ErrorReply(failure))
                .at(position)
                .in_command(&self.name)),
            Err(cause) => Err(connection.error(cause).in_command(&self.name)),
        };
        span.done(answer.as_ref().err());
        Poll::Ready(answer)
    }

    fn begin(&mut self, cx: &Context<'_>, message: Message) -> Polled {
        let connection = self.client.connection();
        let span = CommandSpan::new(&self.name, &connection.peer);
        let bound = |clock| Bound { connection: Arc::clone(&connection), clock, span };
        let refused = self.timeout.map_or(Ok(()), |_| connection.refuse_deadline());
        let deadline = self.timeout.or_else(|| (!self.answered).then_some(TIME_TO_FAIL));
        match refused.and_then(|()| message.ready()) {
            Ok(ready) => {
                let clock = CommandClock::start(deadline, || connection.lock().now());
                self.attempt(cx, bound(clock), ready, None)
            }
            Err(cause) => Poll::Ready((bound(CommandClock::default()), Err(cause))),
        }
    }

    /// Sends the message if a slot is free and no earlier command waits.
    fn attempt(
        &mut self,
        cx: &Context<'_>,
        bound: Bound,
        mut ready: Ready,
        place: Option<QueuePlace>,
    ) -> Polled {
        let checked = match ready.text.check() {
            Ok(checked) => checked,
            Err(error) => return Poll::Ready((bound, Err(ErrorKind::Json(error)))),
        };
        let attempted = {
            let _entered = bound.span.enter();
            let attempt = Attempt {
                name: &self.name,
                answered: self.answered,
                clock: bound.clock,
                checked,
                out_of_band: ready.out_of_band,
                descriptor: &mut ready.descriptor,
                place,
            };
            let waker = cx.waker().clone();
            bound.connection.with(|machine, after| attempt.make(machine, waker, after))
        };
        match attempted {
            Attempted::Sent(key, request) => self.stage = Stage::Sent(bound, key, request),
            Attempted::Queued(place) => self.stage = Stage::Queued(bound, ready, place),
            Attempted::Failed(cause) => return Poll::Ready((bound, Err(cause))),
        }
        Poll::Pending
    }

    fn poll_answer(
        &mut self,
        cx: &Context<'_>,
        bound: Bound,
        key: usize,
        request: RequestId,
    ) -> Polled {
        let mut waker = None;
        loop {
            let machine = bound.connection.lock();
            if let Some(Awaited::Settled(_)) = machine.waits.awaited(key) {
                let answer = take_answer(machine, key);
                return Poll::Ready((bound, answer));
            }
            if machine.waits.is_expired(key) {
                let waited = bound.clock.waited(&machine);
                let answer = self.give_up(machine, key, request, waited);
                return Poll::Ready((bound, answer));
            }
            if machine.waits.wakes(key, cx.waker()) {
                break;
            }
            let mut machine = machine;
            match waker.take() {
                Some(waker) => {
                    let stale = machine.waits.renew(key, waker);
                    drop(machine);
                    drop(stale);
                    break;
                }
                // Cloned without the lock.
                None => {
                    drop(machine);
                    waker = Some(cx.waker().clone());
                }
            }
        }
        // If the clone was not needed, it is dropped here, without the lock.
        self.stage = Stage::Sent(bound, key, request);
        Poll::Pending
    }

    /// The command stays sent.
    fn give_up(
        &self,
        mut machine: MutexGuard<'_, Machine>,
        key: usize,
        request: RequestId,
        waited: Duration,
    ) -> Result<Completed, ErrorKind> {
        machine.client.abandon(request);
        let keeper = machine.waits.expired(key);
        let wait = machine.waits.remove(key);
        let transport = machine.transport.clone();
        let stray = machine.lifecycle.has_stray.then(|| STRAY.to_owned());
        let mut after = AfterUnlock::default();
        if !self.answered {
            // The reply of an agent is no longer outstanding, which may make room for another command.
            machine.offer(1, &mut after);
        }
        drop(machine);
        drop(wait);
        after.run();
        // If it had failed, there would have been a reply.
        if !self.answered {
            return Ok(Completed::none());
        }
        let advice = match keeper {
            Some(Keeper::Watchdog) => Some(NOT_POLLED.to_owned()),
            _ => transport.and_then(|transport| transport.describe_stop()).or(stray),
        };
        let advice = advice.unwrap_or_default();
        Err(ErrorKind::NoReply { waited, advice })
    }
}

/// The result of a poll: the outcome, and the connection that the command is bound to.
type Polled = Poll<(Bound, Result<Completed, ErrorKind>)>;

fn take_answer(mut machine: MutexGuard<'_, Machine>, key: usize) -> Result<Completed, ErrorKind> {
    let wait = machine.waits.remove(key);
    let ended = machine.lifecycle.ended.clone();
    drop(machine);
    match wait.map(|wait| wait.awaited) {
        Some(Awaited::Settled(answer)) => outcome(answer, ended),
        _ => Err(ErrorKind::Unanswered),
    }
}

fn outcome(answer: CommandOutcome, ended: Option<CloseReason>) -> Result<Completed, ErrorKind> {
    match (answer, ended) {
        (CommandOutcome::Reply(completed), _) => Ok(completed),
        (CommandOutcome::None(NoReplyReason::AsExpected), _) => Ok(Completed::none()),
        (CommandOutcome::None(_), None) => Err(ErrorKind::Unanswered),
        (CommandOutcome::None(_), Some(reason)) => {
            Err(ErrorKind::Disconnected { reason, sent: true })
        }
    }
}

impl Drop for Submission {
    /// Buffered output is still sent, but the reply is discarded.
    fn drop(&mut self) {
        let leave = |connection: &Connection, key, request: Option<RequestId>| {
            let leave = |machine: &mut Machine, after: &mut AfterUnlock| {
                after.leaving = machine.waits.remove(key);
                if let Some(request) = request {
                    machine.client.abandon(request);
                }
                // It may have been woken for its turn, and was not there to take it; or an agent does
                // not have to answer it any more, which may make room for another.
                machine.offer(1, after);
            };
            connection.with(leave);
        };
        match &self.stage {
            Stage::Queued(bound, _, place) => leave(&bound.connection, place.key, None),
            Stage::Sent(bound, key, request) => leave(&bound.connection, *key, Some(*request)),
            Stage::New(_) | Stage::Done => {}
        }
    }
}

impl fmt::Debug for Submission {
    /// Leaves out the message, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::New(_) => "new",
            Stage::Queued(..) => "queued",
            Stage::Sent(..) => "sent",
            Stage::Done => "done",
        };
        f.debug_struct("Command")
            .field("name", &self.name)
            .field("timeout", &self.timeout)
            .field("stage", &stage)
            .finish_non_exhaustive()
    }
}
