//! Commands that clients sent.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use qmp_proto::server::Command;
use qmp_proto::{DecodeError, Escaped, Json};
use serde::Deserialize;
use serde_json::Value;

/// A command that a client sent: [`Mock::received`](crate::Mock::received) lists them.
///
/// Capabilities negotiation and an agent's sync are not among them: the mock answers these itself.
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

    /// The command's name.
    pub fn name(&self) -> &str {
        self.0.command.name()
    }

    /// The arguments: an object, or nothing.
    pub fn arguments(&self) -> Option<Json<'_>> {
        self.0.command.arguments()
    }

    /// Decodes the arguments; none count as `{}`. `serde_json::Value` takes any.
    ///
    /// # Errors
    ///
    /// If they are not a `T`.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DecodeError> {
        self.0.command.decode()
    }

    /// Whether the client asked for it to be run beside those that wait (`exec-oob`).
    pub fn is_out_of_band(&self) -> bool {
        self.0.command.is_out_of_band()
    }

    /// The id that the client gave it.
    pub fn id(&self) -> Option<Json<'_>> {
        self.0.id.as_deref().and_then(|id| Json::parse(id).ok())
    }

    /// Which client sent it: 0 is the first that connected.
    pub fn client(&self) -> usize {
        self.0.client
    }

    /// The descriptor that it took: `getfd` and `add-fd` take one, and commands of rules that
    /// [say so](crate::On::takes_descriptor).
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.0.descriptor.as_ref().map(AsFd::as_fd)
    }

    /// The whole message.
    pub fn message(&self) -> Json<'_> {
        self.0.command.message()
    }

    /// Whether its arguments are these; none are as good as `{}`.
    pub(crate) fn has(&self, arguments: &Value) -> bool {
        self.decode::<Value>().is_ok_and(|ours| ours == *arguments)
    }
}

impl fmt::Debug for ReceivedCommand {
    /// With the arguments: this is for tests, and tells a failed one's story.
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
    /// By name.
    fn eq(&self, name: &str) -> bool {
        self.name() == name
    }
}

impl PartialEq<&str> for ReceivedCommand {
    /// By name, so that a list of commands can be held against a list of names.
    fn eq(&self, name: &&str) -> bool {
        self.name() == *name
    }
}
