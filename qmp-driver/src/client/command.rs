//! Commands and the futures that wait for their answers.

use std::borrow::Cow;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use qmp_proto::{Command, Request};
use qmp_sockets::{ArgumentsBuilder, Error, Response, Typed, Untyped};
use serde::Serialize;

use crate::Client;
use crate::client::submission::{Message, Submission};
use crate::transport::Descriptor;

/// A command that is being put together; awaiting it sends it.
///
/// Nothing is sent before it is awaited; to have several in flight, await them together (`join!`,
/// tasks of their own).
///
/// The answer fails with an [`Error`] if the command cannot be sent, the server answers with an
/// error, the deadline passes, or the connection ends. [`Error::outcome`] says whether the command
/// may have been done.
#[must_use = "a command does nothing until it is awaited"]
pub struct Execute<R> {
    client: Client,
    name: Cow<'static, str>,
    arguments: ArgumentsBuilder,
    out_of_band: bool,
    answered: bool,
    descriptor: Option<Descriptor>,
    deadline: Option<Duration>,
    response: PhantomData<fn() -> R>,
}

impl Execute<Untyped> {
    pub(crate) fn new(client: &Client, name: &str) -> Self {
        Self::named(client, Cow::Owned(name.to_owned()))
    }
}

impl<C: Command + Serialize> Execute<Typed<C>> {
    pub(crate) fn typed(client: &Client, command: &C) -> Self {
        let mut execute = Self::named(client, Cow::Borrowed(C::NAME)).arguments(command);
        execute.answered &= C::SUCCESS_RESPONSE;
        execute
    }
}

impl<R> Execute<R> {
    fn named(client: &Client, name: Cow<'static, str>) -> Self {
        Self {
            client: client.clone(),
            arguments: ArgumentsBuilder::none(),
            out_of_band: false,
            answered: Request::<'_, _, Descriptor>::new(&name).is_answered(),
            name,
            descriptor: None,
            deadline: client.link().deadline(),
            response: PhantomData,
        }
    }

    /// With all these arguments: anything that serializes to a JSON object, or to `null` for none.
    pub fn arguments<A: Serialize + ?Sized>(mut self, arguments: &A) -> Self {
        self.arguments = ArgumentsBuilder::of(arguments);
        self
    }

    /// With one more argument.
    pub fn argument<A: Serialize + ?Sized>(mut self, name: &str, value: &A) -> Self {
        self.arguments.add(name, value);
        self
    }

    /// Out of band: run at once, also while an in-band command is busy. Only for commands that allow
    /// it (`query-yank`, `yank`, `migrate-pause`, `migrate-recover`), on a connection that was
    /// [built for it](crate::Builder::out_of_band).
    pub fn out_of_band(mut self) -> Self {
        self.out_of_band = true;
        self
    }

    /// The server answers this command only when it fails. Then it succeeds when the connection
    /// ends, a later command is answered, or nothing has come for the deadline, 10 seconds if it has
    /// none. The guest agent's `guest-shutdown` and `guest-suspend-…` are known by name.
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

    /// How long to wait for the answer, from when it is first awaited; and for a turn, if too many
    /// are in flight.
    ///
    /// When it passes, the command is not taken back: its outcome is unknown.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }
}

impl<R: Response> IntoFuture for Execute<R> {
    type Output = Result<R::Value, Error>;
    type IntoFuture = Running<R>;

    fn into_future(self) -> Running<R> {
        let message = Message::Command {
            arguments: self.arguments,
            out_of_band: self.out_of_band,
            descriptor: self.descriptor,
        };
        Running {
            submission: Submission::new(
                self.client,
                self.name,
                message,
                self.answered,
                self.deadline,
            ),
            response: PhantomData,
        }
    }
}

impl<R> fmt::Debug for Execute<R> {
    /// Not the arguments: they may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execute")
            .field("name", &self.name)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// A command under way.
///
/// Cancel-safe: dropped before it had its turn, nothing is sent. Dropped later, the command is not
/// taken back and its answer is thrown away. Half a message never is on the wire.
///
/// It may be polled from any task, and keeps the connection alive.
#[must_use = "a command does nothing until it is awaited"]
#[derive(Debug)]
pub struct Running<R> {
    submission: Submission,
    response: PhantomData<fn() -> R>,
}

impl<R: Response> Future for Running<R> {
    type Output = Result<R::Value, Error>;

    /// # Panics
    ///
    /// If it is polled after it was done.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Decoded here, in the caller's task, with no lock held.
        self.submission
            .poll_reply(cx)
            .map(|reply| R::from_reply(reply?).map_err(|error| self.submission.describe(error)))
    }
}
