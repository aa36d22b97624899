//! Requests of a client.

mod arguments;
mod raw;
mod send_error;
mod write;

pub use arguments::Arguments;
#[cfg(feature = "alloc")]
pub use arguments::OwnedArguments;
pub use raw::RawMessage;
pub use send_error::{SendError, SendErrorKind};

#[cfg(feature = "serde")]
pub(crate) use arguments::serialize;
pub(crate) use write::{Identity, write_negotiation, write_raw, write_request, write_sync};

use crate::output::NoDescriptor;

/// A command to be sent.
///
/// ```
/// use qmp_proto::{Arguments, Request};
///
/// let stop: Request = Request::new("stop");
/// let arguments = Arguments::parse(r#"{"id": "net0"}"#)?;
/// let unplug: Request = Request::new("device_del").arguments(arguments);
/// # Ok::<(), qmp_proto::JsonError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Request<'a, F = NoDescriptor> {
    pub(crate) name: &'a str,
    pub(crate) arguments: Option<Arguments<'a>>,
    pub(crate) out_of_band: bool,
    pub(crate) no_success_response: bool,
    pub(crate) descriptor: Option<F>,
}

impl<'a, F> Request<'a, F> {
    /// Creates an in-band command without arguments.
    ///
    /// The name is checked when the command is sent: it consists of letters, digits, `-`, `_` and
    /// `.`.
    pub fn new(name: &'a str) -> Self {
        Self {
            name,
            arguments: None,
            out_of_band: false,
            no_success_response: has_no_success_response(name),
            descriptor: None,
        }
    }

    /// Sets the arguments. `{}` is not sent.
    pub fn arguments(mut self, arguments: Arguments<'a>) -> Self {
        self.arguments = Some(arguments);
        self
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

/// Identifies a request that was sent, for [`Client::abandon`](crate::Client::abandon). It is the
/// request's id on the wire, which is never reused within a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub(crate) u64);

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
        let request = |name| Request::<'_, NoDescriptor>::new(name);
        assert!(request("stop").expects_success_response());
        assert!(!request("stop").no_success_response().expects_success_response());
        for name in
            ["guest-shutdown", "guest-suspend-disk", "guest-suspend-ram", "guest-suspend-hybrid"]
        {
            assert!(!request(name).expects_success_response(), "{name}");
        }
    }
}
