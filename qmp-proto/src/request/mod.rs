//! What a client says.

mod arguments;
mod id;
mod raw;
mod send_error;
mod write;

#[cfg(feature = "alloc")]
pub use arguments::OwnedArguments;
#[cfg(feature = "serde")]
pub use arguments::Serialized;
pub use arguments::{Arguments, NoArguments, WriteArguments};
pub use id::RequestId;
pub use raw::RawMessage;
pub use send_error::{SendError, SendErrorKind};

pub(crate) use write::{Identity, write_negotiation, write_raw, write_request, write_sync};

use crate::output::NoDescriptor;

/// A command to be sent.
///
/// ```
/// use qmp_proto::{Arguments, Request};
///
/// let stop: Request = Request::new("stop");
/// let arguments = Arguments::parse(r#"{"id": "net0"}"#)?;
/// let unplug: Request<'_, Arguments<'_>> = Request::new("device_del").checked(arguments);
/// # Ok::<(), qmp_proto::JsonError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Request<'a, A = NoArguments, F = NoDescriptor> {
    pub(crate) name: &'a str,
    pub(crate) arguments: A,
    pub(crate) out_of_band: bool,
    pub(crate) unanswered: bool,
    pub(crate) descriptor: Option<F>,
}

impl<'a, F> Request<'a, NoArguments, F> {
    /// A command without arguments, in-band.
    ///
    /// The name is checked when it is sent: letters, digits, `-`, `_` and `.`.
    pub fn new(name: &'a str) -> Self {
        Self {
            name,
            arguments: NoArguments,
            out_of_band: false,
            unanswered: ends_without_answer(name),
            descriptor: None,
        }
    }
}

impl<'a, A, F> Request<'a, A, F> {
    /// With these arguments: a struct, a map, a `serde_json::Value`; `{}` and `null` send none.
    #[cfg(feature = "serde")]
    pub fn arguments<B>(self, arguments: &'a B) -> Request<'a, Serialized<'a, B>, F>
    where
        B: serde::Serialize + ?Sized,
    {
        self.with(Serialized(arguments))
    }

    /// With arguments that are JSON already, and checked.
    pub fn checked<'b>(self, arguments: Arguments<'b>) -> Request<'a, Arguments<'b>, F> {
        self.with(arguments)
    }

    fn with<B>(self, arguments: B) -> Request<'a, B, F> {
        let Self { name, out_of_band, unanswered, descriptor, .. } = self;
        Request { name, arguments, out_of_band, unanswered, descriptor }
    }

    /// Out of band (`exec-oob`): run at once, also while an in-band command is busy.
    ///
    /// Needs the capability `oob`, and a command that may be run so: `query-yank`, `yank`,
    /// `migrate-pause` and `migrate-recover`, and none in a storage daemon.
    pub fn out_of_band(mut self) -> Self {
        self.out_of_band = true;
        self
    }

    /// The server answers this command only if it fails.
    ///
    /// The four of the guest agent are known by name: `guest-shutdown` and the three
    /// `guest-suspend-…`.
    pub fn no_success_response(mut self) -> Self {
        self.unanswered = true;
        self
    }

    /// Whether the server answers when the command succeeds.
    pub const fn expects_success_response(&self) -> bool {
        !self.unanswered
    }

    /// With a descriptor (`getfd`, `add-fd`), which travels with the command's first byte.
    pub fn descriptor(mut self, descriptor: F) -> Self {
        self.descriptor = Some(descriptor);
        self
    }
}

/// The agent's commands that answer only when they fail.
fn ends_without_answer(name: &str) -> bool {
    matches!(
        name,
        "guest-shutdown" | "guest-suspend-disk" | "guest-suspend-ram" | "guest-suspend-hybrid"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_commands_are_answered_only_when_they_fail() {
        let request = |name| Request::<'_, _, NoDescriptor>::new(name);
        assert!(request("stop").expects_success_response());
        assert!(!request("stop").no_success_response().expects_success_response());
        for name in
            ["guest-shutdown", "guest-suspend-disk", "guest-suspend-ram", "guest-suspend-hybrid"]
        {
            assert!(!request(name).expects_success_response(), "{name}");
        }
    }
}
