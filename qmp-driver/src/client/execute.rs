//! Commands and their futures.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use qmp_proto::{Command, RawMessage};
use serde::Serialize;

use crate::caller::Spawned;
use crate::client::duplicate::refused;
use crate::client::response::{Raw, ResponseKind, Typed, Untyped};
use crate::client::submission::{Message, Submission};
use crate::{Client, Error};

/// A command: a future that sends it and waits for its reply.
///
/// Nothing is sent before the first poll. To have several commands in flight, poll them together,
/// with `join!` or in separate tasks.
///
/// The future returns an [`Error`] if the command cannot be sent, the server sends an error reply,
/// the deadline passes, or the connection ends. [`Error::outcome`] states whether the command may
/// have been executed.
///
/// # Cancel safety
///
/// The future can be dropped at any time. A command that has not been sent by then is never sent. A
/// command that was sent is not taken back, and its reply is discarded. A command is never written
/// in part.
///
/// The future keeps the connection open. It uses the connection that the client has at the first
/// poll.
///
/// # Panics
///
/// Panics if it is polled after completion, or changed after the first poll.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Execute<R = Untyped, X = Spawned> {
    submission: Submission,
    response: R,
    pub(crate) caller: X,
}

impl Execute<Untyped> {
    pub(crate) fn new(client: &Client, name: &str) -> Self {
        Self::of(Submission::new(client, name.to_owned().into(), Message::command()), Untyped)
    }
}

impl<X> Execute<Untyped, X> {
    /// Sets all arguments: any value that serializes to a JSON object, or to `null` for no
    /// arguments.
    pub fn arguments(mut self, arguments: impl Serialize) -> Self {
        self.submission.set_arguments(&arguments);
        self
    }

    /// Adds an argument: any value that serializes, or a reference to one.
    pub fn argument(mut self, name: &str, value: impl Serialize) -> Self {
        self.submission.add_argument(name, &value);
        self
    }
}

impl<C: Command + Serialize> Execute<Typed<C>> {
    pub(crate) fn typed(client: &Client, command: &C) -> Self {
        let mut submission = Submission::new(client, C::NAME.into(), Message::command());
        submission.set_arguments(command);
        if !C::SUCCESS_RESPONSE {
            submission.expect_no_success();
        }
        Self::of(submission, Typed::new())
    }
}

impl Execute<Raw> {
    pub(crate) fn raw(client: &Client, message: &str) -> Self {
        let (name, id, content) = match RawMessage::parse(message) {
            Ok(parsed) => {
                let id = parsed.id().map(|id| id.as_str().to_owned());
                let content = Message::raw(message, parsed.is_out_of_band());
                (parsed.name().to_owned(), id, content)
            }
            Err(error) => (String::new(), None, Message::Invalid(refused(error, message))),
        };
        Self::of(Submission::new(client, name.into(), content), Raw { id })
    }
}

impl<X> Execute<Raw, X> {
    /// Returns the answer as that of a command by name, an error reply as an error, both with their
    /// position in the server's stream.
    ///
    /// For proxies, which send on the client's message, and write the answer themselves.
    pub fn untyped(self) -> Execute<Untyped, X> {
        let Self { submission, caller, .. } = self;
        Execute { submission, response: Untyped, caller }
    }
}

impl<R> Execute<R> {
    const fn of(submission: Submission, response: R) -> Self {
        Self { submission, response, caller: Spawned }
    }
}

impl<R, X> Execute<R, X> {
    /// Returns the same command, to be run by another caller.
    #[doc(hidden)]
    pub fn with_caller<Y>(self, caller: Y) -> Execute<R, Y> {
        let Self { submission, response, .. } = self;
        Execute { submission, response, caller }
    }

    pub(crate) const fn client(&self) -> &Client {
        self.submission.client()
    }

    /// Returns whether the command was polled and waits for a free slot.
    pub const fn is_queued(&self) -> bool {
        self.submission.is_queued()
    }

    /// Executes the command out of band: immediately, even while an in-band command is running.
    ///
    /// Only a few commands allow this (`query-yank`, `yank`, `migrate-pause`, `migrate-recover`),
    /// on a connection with [out-of-band execution](crate::Builder::out_of_band). It has no effect
    /// on a raw message, which contains `execute` or `exec-oob` itself.
    pub fn out_of_band(mut self) -> Self {
        self.submission.set_out_of_band();
        self
    }

    /// Declares that the server sends no success response to this command.
    ///
    /// The command then succeeds when the connection ends, when a later command is answered, or
    /// when the deadline (10 seconds by default) passes without an error reply. The guest agent's
    /// `guest-shutdown` and `guest-suspend-*` are known to be such commands.
    pub fn no_success_response(mut self) -> Self {
        self.submission.expect_no_success();
        self
    }

    /// Sends a file descriptor with the command (`getfd`, `add-fd`).
    ///
    /// The file descriptor is closed after it was sent, because the server then has its own copy.
    /// Only one file descriptor is in flight at a time: the command waits until the previous one is
    /// answered.
    ///
    /// If a command does not take a file descriptor, the server keeps it and passes it to the next
    /// command that does.
    #[cfg(unix)]
    pub fn descriptor(mut self, descriptor: impl Into<std::os::fd::OwnedFd>) -> Self {
        self.submission.set_descriptor(descriptor.into());
        self
    }

    /// Sets the deadline for the reply, including the wait for a free slot, counted from the first
    /// poll.
    ///
    /// A command whose deadline passes is not taken back: its outcome is unknown.
    #[doc(alias = "deadline")]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.submission.set_timeout(timeout);
        self
    }
}

impl<R: ResponseKind> Future for Execute<R> {
    type Output = Result<R::Value, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Decoded in the caller's task, without holding a lock.
        let Self { submission, response, .. } = &mut *self;
        submission.poll_reply(cx).map(|answer| response.value(answer))
    }
}

impl<R, X> fmt::Debug for Execute<R, X> {
    /// Omits the arguments, which may contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Execute").field(&self.submission).finish()
    }
}
