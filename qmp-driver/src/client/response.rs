//! From replies to values.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use qmp_proto::{Command, OwnedFailure, OwnedReply, RawJson};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Error, ErrorKind};

/// A reply to a command. Its errors name the command and the peer.
///
/// ```no_run
/// # async fn example(qemu: qmp_driver::Client) -> Result<(), qmp_driver::Error> {
/// #[derive(serde::Deserialize)]
/// struct Status {
///     running: bool,
/// }
///
/// let status: Status = qemu.execute("query-status").await?.decode()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Reply {
    reply: OwnedReply,
    position: u64,
    command: Cow<'static, str>,
    peer: Arc<str>,
}

impl Reply {
    pub(crate) const fn new(
        reply: OwnedReply,
        position: u64,
        command: Cow<'static, str>,
        peer: Arc<str>,
    ) -> Self {
        Self { reply, position, command, peer }
    }

    /// Decodes the value of `return`, which may borrow from this reply. The depth limit is
    /// [`DECODE_DEPTH`](qmp_proto::DECODE_DEPTH) levels.
    ///
    /// # Errors
    ///
    /// Returns an error if the value is not a `T`. The [outcome](Error::outcome) of the command is
    /// known in this case: it was answered.
    pub fn decode<'r, T: Deserialize<'r>>(&'r self) -> Result<T, Error> {
        self.reply.decode().map_err(|error| self.error(error.into()))
    }

    /// Returns the value of `return` as JSON: `{}` for a command that returns nothing.
    ///
    /// # Errors
    ///
    /// Returns an error if the server sent something that is not JSON.
    pub fn json(&self) -> Result<RawJson<'_>, Error> {
        self.reply.json().map_err(|error| self.error(error.into()))
    }

    /// Returns the whole message as it was received, without the line end.
    pub fn message(&self) -> &[u8] {
        self.reply.message()
    }

    /// Returns how many bytes of the server's stream had been received at the end of this reply.
    ///
    /// Events with a [smaller position](qmp_proto::OwnedEvent::stream_position) came before the
    /// reply, those with a greater one after it. The count restarts with each connection. It is 0
    /// for a command that has no success response.
    pub fn stream_position(&self) -> u64 {
        self.position
    }

    /// Returns the reply without the names for its errors.
    pub fn into_inner(self) -> OwnedReply {
        self.reply
    }

    fn error(&self, error: Error) -> Error {
        error.in_command(&self.command).with_peer(&self.peer)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reply.fmt(f)
    }
}

/// A reply or error reply, and the position in the stream at which it ended.
#[derive(Debug)]
pub(crate) struct Completed {
    pub(crate) reply: Result<OwnedReply, OwnedFailure>,
    pub(crate) position: u64,
}

impl Completed {
    /// The reply to a command that has no success response.
    pub(crate) fn none() -> Self {
        Self { reply: Ok(OwnedReply::empty()), position: 0 }
    }
}

/// The conversion of a reply into the output of a command's future. Programs do not need it.
pub trait ResponseKind: Unpin {
    /// The output of the future.
    type Value;

    /// Converts a reply.
    ///
    /// # Errors
    ///
    /// Returns the error in `answer`, or an error if the reply is not what was expected.
    fn value(&self, answer: Result<Reply, Error>) -> Result<Self::Value, Error>;
}

/// The reply to a command given by name, as it was received; [`decode`](Reply::decode) it when
/// needed.
#[derive(Debug)]
pub struct Untyped;

impl ResponseKind for Untyped {
    type Value = Reply;

    fn value(&self, answer: Result<Reply, Error>) -> Result<Reply, Error> {
        answer
    }
}

/// The output type of a [`Command`].
pub struct Typed<C>(PhantomData<fn() -> C>);

impl<C> Typed<C> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<C: Command<Output: DeserializeOwned>> ResponseKind for Typed<C> {
    type Value = C::Output;

    fn value(&self, answer: Result<Reply, Error>) -> Result<C::Output, Error> {
        answer?.decode()
    }
}

impl<C> fmt::Debug for Typed<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Typed")
    }
}

/// The whole message that the server sent, also if it is an error reply, with the id that the
/// caller gave.
#[derive(Debug)]
pub struct Raw {
    pub(crate) id: Option<String>,
}

impl ResponseKind for Raw {
    type Value = Vec<u8>;

    fn value(&self, answer: Result<Reply, Error>) -> Result<Vec<u8>, Error> {
        let id = self.id.as_deref();
        match answer {
            Ok(reply) => {
                let message = reply.reply.message_with_id(id);
                message.map_err(|error| reply.error(error.into()))
            }
            Err(error) => match error.failure().map(|failure| failure.message_with_id(id)) {
                Some(Ok(message)) => Ok(message),
                Some(Err(unreadable)) => Err(error.replaced(ErrorKind::Decode(unreadable.into()))),
                None => Err(error),
            },
        }
    }
}
