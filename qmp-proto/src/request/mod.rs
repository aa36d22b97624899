//! Requests of a client.

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
    pub(crate) no_success_response: bool,
    pub(crate) descriptor: Option<F>,
}

impl<'a, F> Request<'a, NoArguments, F> {
    /// Creates an in-band command without arguments.
    ///
    /// The name is checked when the command is sent: it consists of letters, digits, `-`, `_` and
    /// `.`.
    pub fn new(name: &'a str) -> Self {
        Self {
            name,
            arguments: NoArguments,
            out_of_band: false,
            no_success_response: has_no_success_response(name),
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
        let Self { name, out_of_band, no_success_response, descriptor, .. } = self;
        Request { name, arguments, out_of_band, no_success_response, descriptor }
    }

    /// Requests out-of-band execution (`exec-oob`): the server executes the command immediately,
    /// also while an in-band command runs.
    ///
    /// This requires the capability `oob`, and a command that allows it: `query-yank`, `yank`,
    /// `migrate-pause` and `migrate-recover` in QEMU, and none in the storage daemon.
    pub fn out_of_band(mut self) -> Self {
        self.out_of_band = true;
        self
    }

    /// Marks the command as one without a success response: the server replies only if it fails.
    ///
    /// [`new`](Self::new) recognises the guest agent's four such commands by name: `guest-shutdown`
    /// and the three `guest-suspend-…`.
    pub fn no_success_response(mut self) -> Self {
        self.no_success_response = true;
        self
    }

    /// Returns whether the server replies if the command succeeds.
    pub const fn expects_success_response(&self) -> bool {
        !self.no_success_response
    }

    /// Adds a file descriptor (`getfd`, `add-fd`), which is sent with the command's first byte.
    pub fn descriptor(mut self, descriptor: F) -> Self {
        self.descriptor = Some(descriptor);
        self
    }
}

/// Returns whether this is one of the agent's commands without a success response.
fn has_no_success_response(name: &str) -> bool {
    matches!(
        name,
        "guest-shutdown" | "guest-suspend-disk" | "guest-suspend-ram" | "guest-suspend-hybrid"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_commands_have_no_success_response() {
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
