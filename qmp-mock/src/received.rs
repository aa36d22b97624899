//! Commands received from clients.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use qmp_proto::server::Command;
use qmp_proto::{DecodeError, Escaped, RawJson};
use serde::Deserialize;
use serde_json::Value;

/// A command received from a client. Returned by [`Mock::received`](crate::Mock::received).
///
/// Capabilities negotiation and an agent's sync are not included: the mock answers these itself.
#[derive(Clone)]
pub struct ReceivedCommand(Arc<Inner>);

struct Inner {
    command: Command<'static>,
    id: Option<String>,
    client: usize,
    descriptor: Option<OwnedFd>,
}

impl ReceivedCommand {
    pub(crate) fn new(
        command: Command<'static>,
        id: Option<String>,
        client: usize,
        descriptor: Option<OwnedFd>,
    ) -> Self {
        Self(Arc::new(Inner { command, id, client, descriptor }))
    }

    /// Returns the command's name.
    pub fn name(&self) -> &str {
        self.0.command.name()
    }

    /// Returns the arguments, an object, or `None` if the command has none.
    pub fn arguments(&self) -> Option<RawJson<'_>> {
        self.0.command.arguments()
    }

    /// Decodes the arguments. Missing arguments are decoded as `{}`. `serde_json::Value` accepts
    /// any arguments.
    ///
    /// # Errors
    ///
    /// Returns an error if the arguments are not a valid `T`.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DecodeError> {
        self.0.command.decode()
    }

    /// Returns whether the client asked for out-of-band execution (`exec-oob`).
    pub fn is_out_of_band(&self) -> bool {
        self.0.command.is_out_of_band()
    }

    /// Returns the id that the client sent.
    pub fn id(&self) -> Option<RawJson<'_>> {
        self.0.id.as_deref().and_then(|id| RawJson::parse(id).ok())
    }

    /// Returns the number of the client that sent the command, starting at 0 in the order of
    /// connecting.
    pub fn client(&self) -> usize {
        self.0.client
    }

    /// Returns the file descriptor that the command received. `getfd` and `add-fd` receive one, as
    /// do commands whose rule calls [`takes_descriptor`](crate::On::takes_descriptor).
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.0.descriptor.as_ref().map(AsFd::as_fd)
    }

    /// Returns the whole message.
    pub fn message(&self) -> RawJson<'_> {
        self.0.command.message()
    }

    /// Returns whether the arguments equal these. Missing arguments equal `{}`.
    pub(crate) fn has(&self, arguments: &Value) -> bool {
        self.decode::<Value>().is_ok_and(|ours| ours == *arguments)
    }
}

impl fmt::Debug for ReceivedCommand {
    /// Shows the arguments, so that the output of a failed test is complete.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for ReceivedCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}", Escaped(self.name()))?;
        if let Some(arguments) = self.arguments() {
            write!(f, " {}", Escaped(arguments))?;
        }
        write!(f, "` of client {}", self.client())
    }
}

impl PartialEq<str> for ReceivedCommand {
    /// Compares by name.
    fn eq(&self, name: &str) -> bool {
        self.name() == name
    }
}

impl PartialEq<&str> for ReceivedCommand {
    /// Compares by name, so that a list of commands can be compared with a list of names.
    fn eq(&self, name: &&str) -> bool {
        self.name() == *name
    }
}
