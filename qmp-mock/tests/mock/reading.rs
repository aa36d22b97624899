//! Decodes replies.

use qmp_blocking::{Error, Execute, Stream, Untyped};
use serde::de::DeserializeOwned;

pub(crate) trait Reading {
    /// Sends the command and decodes its reply.
    fn read<T: DeserializeOwned>(self) -> Result<T, Error>;
}

impl<S: Stream> Reading for Execute<'_, S, Untyped> {
    fn read<T: DeserializeOwned>(self) -> Result<T, Error> {
        Ok(self.run()?.decode().unwrap())
    }
}
