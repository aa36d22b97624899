//! From replies to values.

use std::marker::PhantomData;

use qmp_proto::{Command, OwnedReply};
use serde::de::DeserializeOwned;

use crate::Error;

/// How a reply becomes the value that a command returns. There is no need to name it.
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

/// The reply as it came, of a command by name; [`decode`](OwnedReply::decode) it when needed.
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

impl<C: Command<Output: DeserializeOwned>> Response for Typed<C> {
    type Value = C::Output;

    fn from_reply(reply: OwnedReply) -> Result<C::Output, Error> {
        Ok(reply.decode()?)
    }
}
