//! One message's way from the caller to its answer.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use qmp_proto::{Ending, OwnedReply, RequestId};
use qmp_sockets::{ArgumentsBuilder, Cause, Disconnect, Error};

use crate::Client;
use crate::client::attempt::{Attempt, Attempted, Clock, Place, Ready, Text};
use crate::connection::Connection;
use crate::connection::machine::{After, Machine};
use crate::connection::waits::{Answer, Awaited};
use crate::sync::MutexGuard;
use crate::trace::CommandSpan;
use crate::transport::Descriptor;

/// How long a command that is answered only when it fails is given to fail, unless it has a
/// deadline.
const TIME_TO_FAIL: Duration = Duration::from_secs(10);

/// What is to be sent.
pub(crate) enum Message {
    Command {
        arguments: ArgumentsBuilder,
        out_of_band: bool,
        descriptor: Option<Descriptor>,
    },
    /// A whole message.
    Raw {
        text: String,
        out_of_band: bool,
    },
}

/// A message that is to be sent, waits for its turn, or for its answer.
pub(crate) struct Submission {
    /// Kept alive.
    _client: Client,
    connection: Arc<Connection>,
    span: Option<CommandSpan>,
    name: Cow<'static, str>,
    answered: bool,
    deadline: Option<Duration>,
    clock: Clock,
    stage: Stage,
}

enum Stage {
    New(Message),
    Queued(Ready, Place),
    Sent(usize, RequestId),
    Done,
}

impl Submission {
    pub(crate) fn new(
        client: Client,
        name: Cow<'static, str>,
        message: Message,
        answered: bool,
        deadline: Option<Duration>,
    ) -> Self {
        let deadline = match deadline {
            None if !answered => Some(TIME_TO_FAIL),
            deadline => deadline,
        };
        Self {
            connection: client.connection(),
            _client: client,
            span: None,
            name,
            answered,
            deadline,
            clock: Clock::default(),
            stage: Stage::New(message),
        }
    }

    /// Adds what an error does not know by itself.
    pub(crate) fn describe(&self, error: Error) -> Error {
        error.in_command(&self.name).with_peer(&self.connection.peer)
    }

    pub(crate) fn poll_reply(&mut self, cx: &Context<'_>) -> Poll<Result<OwnedReply, Error>> {
        let span = self.span.take();
        let span = span.unwrap_or_else(|| CommandSpan::new(&self.name, &self.connection.peer));
        let polled = {
            let _entered = span.enter();
            self.poll_stage(cx)
        };
        match &polled {
            Poll::Pending => self.span = Some(span),
            Poll::Ready(done) => span.done(done.as_ref().err()),
        }
        polled
    }

    fn poll_stage(&mut self, cx: &Context<'_>) -> Poll<Result<OwnedReply, Error>> {
        let polled = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::New(message) => match ready(message) {
                Ok(ready) => {
                    self.start_clock();
                    self.attempt(cx, ready, None)
                }
                Err(cause) => Poll::Ready(Err(cause)),
            },
            Stage::Queued(ready, place) => self.attempt(cx, ready, Some(place)),
            Stage::Sent(key, request) => self.poll_answer(cx, key, request),
            Stage::Done => panic!("a command was polled after it was done"),
        };
        polled.map_err(|cause| self.describe(Error::new(cause)))
    }

    fn start_clock(&mut self) {
        if let Some(deadline) = self.deadline {
            let now = self.connection.lock().now();
            self.clock = Clock(Some((now, now.checked_add(deadline))));
        }
    }

    /// Sends the message if it is its turn.
    fn attempt(
        &mut self,
        cx: &Context<'_>,
        mut ready: Ready,
        place: Option<Place>,
    ) -> Poll<Result<OwnedReply, Cause>> {
        let checked = match ready.text.check() {
            Ok(checked) => checked,
            Err(error) => return Poll::Ready(Err(Cause::Json(error))),
        };
        let attempt = Attempt {
            name: &self.name,
            answered: self.answered,
            clock: self.clock,
            checked,
            out_of_band: ready.out_of_band,
            descriptor: &mut ready.descriptor,
            place,
        };
        let waker = cx.waker().clone();
        let attempted = self.connection.with(|machine, after| attempt.make(machine, waker, after));
        match attempted {
            Attempted::Sent(key, request) => self.stage = Stage::Sent(key, request),
            Attempted::Queued(place) => self.stage = Stage::Queued(ready, place),
            Attempted::Failed(cause) => return Poll::Ready(Err(cause)),
        }
        Poll::Pending
    }

    fn poll_answer(
        &mut self,
        cx: &Context<'_>,
        key: usize,
        request: RequestId,
    ) -> Poll<Result<OwnedReply, Cause>> {
        let mut waker = None;
        loop {
            let machine = self.connection.lock();
            if let Some(Awaited::Settled(_)) = machine.waits.awaited(key) {
                return Poll::Ready(take_answer(machine, key));
            }
            if let Some(waited) = self.clock.passed(&machine) {
                return Poll::Ready(self.give_up(machine, key, request, waited));
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
                // Cloned with the lock released.
                None => {
                    drop(machine);
                    waker = Some(cx.waker().clone());
                }
            }
        }
        // If it was cloned in vain, it is dropped here, with no lock held.
        self.stage = Stage::Sent(key, request);
        Poll::Pending
    }

    /// The command is not taken back.
    fn give_up(
        &self,
        mut machine: MutexGuard<'_, Machine>,
        key: usize,
        request: RequestId,
        waited: Duration,
    ) -> Result<OwnedReply, Cause> {
        machine.client.abandon(request);
        let wait = machine.waits.remove(key);
        let transport = machine.transport.clone();
        drop(machine);
        drop(wait);
        // It would have been answered had it failed.
        if !self.answered {
            return Ok(OwnedReply::empty());
        }
        let advice = transport.and_then(|transport| transport.describe_stop());
        let advice = advice.unwrap_or_default();
        Err(Cause::Deadline { waited, advice })
    }
}

/// Completes and checks the text, before any lock is taken.
fn ready(message: Message) -> Result<Ready, Cause> {
    Ok(match message {
        Message::Command { arguments, out_of_band, descriptor } => {
            Ready { text: Text::Arguments(arguments.finish()?), out_of_band, descriptor }
        }
        Message::Raw { text, out_of_band } => {
            Ready { text: Text::Raw(text), out_of_band, descriptor: None }
        }
    })
}

fn take_answer(mut machine: MutexGuard<'_, Machine>, key: usize) -> Result<OwnedReply, Cause> {
    let wait = machine.waits.remove(key);
    let ended = machine.lifecycle.ended.clone();
    drop(machine);
    match wait.map(|wait| wait.awaited) {
        Some(Awaited::Settled(answer)) => outcome(answer, ended),
        _ => Err(Cause::Unanswered),
    }
}

fn outcome(answer: Answer, ended: Option<Disconnect>) -> Result<OwnedReply, Cause> {
    match (answer, ended) {
        (Answer::Reply(reply), _) => Ok(reply),
        (Answer::Failure(failure), _) => Err(Cause::Failure(failure)),
        (Answer::None(Ending::AsExpected), _) => Ok(OwnedReply::empty()),
        (Answer::None(_), None) => Err(Cause::Unanswered),
        (Answer::None(_), Some(reason)) => Err(Cause::Disconnected { reason, sent: true }),
    }
}

impl Drop for Submission {
    /// What is in the output is sent, but nobody waits for its answer any more.
    fn drop(&mut self) {
        let leave = |key, request: Option<RequestId>| {
            let leave = |machine: &mut Machine, after: &mut After| {
                after.leaving = machine.waits.remove(key);
                match request {
                    Some(request) => drop(machine.client.abandon(request)),
                    // It may have been woken for its turn, and was not there to take it.
                    None => machine.waits.wake_turns(1, &mut after.wakers),
                }
            };
            self.connection.with(leave);
        };
        match &self.stage {
            Stage::Queued(_, place) => leave(place.key, None),
            Stage::Sent(key, request) => leave(*key, Some(*request)),
            Stage::New(_) | Stage::Done => {}
        }
    }
}

impl fmt::Debug for Submission {
    /// Not the message: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::New(_) => "new",
            Stage::Queued(..) => "waiting for its turn",
            Stage::Sent(..) => "sent",
            Stage::Done => "done",
        };
        f.debug_struct("Submission")
            .field("name", &self.name)
            .field("stage", &stage)
            .finish_non_exhaustive()
    }
}
