//! Whole messages of the caller's.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use qmp_proto::{RawMessage, Request};
use qmp_sockets::{Cause, Error};

use crate::Client;
use crate::client::submission::{Message, Submission};
use crate::transport::Descriptor;

/// A whole message of the caller's; awaiting it sends it.
///
/// The answer is the whole message that the server sent, errors too, with the id that the caller
/// gave, or without one. It fails if the message is not one that QEMU would read as it is meant, the
/// deadline passes or the connection ends.
#[must_use = "a message does nothing until it is awaited"]
pub struct Raw {
    client: Client,
    message: String,
    deadline: Option<Duration>,
}

impl Raw {
    pub(crate) fn new(client: &Client, message: &str) -> Self {
        Self {
            client: client.clone(),
            message: message.to_owned(),
            deadline: client.link().deadline(),
        }
    }

    /// How long to wait for the answer, from when it is first awaited; and for a turn, if too many
    /// are in flight.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }
}

impl IntoFuture for Raw {
    type Output = Result<Vec<u8>, Error>;
    type IntoFuture = RawRunning;

    fn into_future(self) -> RawRunning {
        let (name, id, out_of_band, invalid) = match RawMessage::parse(&self.message) {
            Ok(message) => (
                message.name().to_owned(),
                message.id().map(|id| id.as_str().to_owned()),
                message.is_out_of_band(),
                None,
            ),
            Err(error) => (String::new(), None, false, Some(error)),
        };
        let answered = Request::<'_, _, Descriptor>::new(&name).is_answered();
        let invalid = invalid.map(|error| self.client.connection().error(Cause::Json(error)));
        let message = Message::Raw { text: self.message, out_of_band };
        RawRunning {
            submission: Submission::new(self.client, name.into(), message, answered, self.deadline),
            id,
            invalid,
        }
    }
}

impl fmt::Debug for Raw {
    /// Not the message: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// A message under way. Cancel-safe as [`Running`](crate::Running) is.
#[must_use = "a message does nothing until it is awaited"]
#[derive(Debug)]
pub struct RawRunning {
    submission: Submission,
    id: Option<String>,
    invalid: Option<Error>,
}

impl Future for RawRunning {
    type Output = Result<Vec<u8>, Error>;

    /// # Panics
    ///
    /// If it is polled after it was done.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(error) = self.invalid.take() {
            return Poll::Ready(Err(error));
        }
        self.submission.poll_reply(cx).map(|reply| {
            let id = self.id.as_deref();
            let answer = match reply {
                Ok(reply) => reply.message_with_id(id),
                Err(error) => match error.failure() {
                    Some(failure) => failure.message_with_id(id),
                    None => return Err(error),
                },
            };
            answer.map_err(|error| {
                let error = Error::from(error);
                self.submission.describe(error)
            })
        })
    }
}
