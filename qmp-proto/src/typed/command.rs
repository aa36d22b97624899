//! Commands that know their types.

use crate::message::RawJson;
use crate::typed::ArgumentError;

/// A command with typed arguments and a typed reply.
///
/// The implementing type is what is serialized as the arguments; a unit struct sends none. QEMU
/// refuses `null` for an optional argument, so leave out what is `None`:
/// `#[serde(skip_serializing_if = "Option::is_none")]`.
///
/// The trait itself has no bounds. A client needs `Serialize` for the command and `Deserialize` for
/// its output, a server the other halves; each method asks for what it uses.
///
/// ```
/// use qmp_proto::{Command, Empty};
///
/// #[derive(serde::Serialize)]
/// struct QueryStatus;
///
/// #[derive(serde::Deserialize)]
/// struct Status {
///     running: bool,
///     status: String,
/// }
///
/// impl Command for QueryStatus {
///     const NAME: &'static str = "query-status";
///     type Output = Status;
/// }
///
/// #[derive(serde::Serialize)]
/// struct DeviceDel<'a> {
///     id: &'a str,
/// }
///
/// impl Command for DeviceDel<'_> {
///     const NAME: &'static str = "device_del";
///     type Output = Empty;
/// }
/// ```
pub trait Command {
    /// The command's name in QAPI.
    const NAME: &'static str;

    /// Whether the server replies when the command succeeds, QAPI's `success-response`. False for
    /// the agent's `guest-shutdown` and `guest-suspend-…`, which reply only when they fail.
    const SUCCESS_RESPONSE: bool = true;

    /// Whether the command may be executed out of band, QAPI's `allow-oob`.
    const ALLOW_OOB: bool = false;

    /// Checks the arguments that a client sent, as QEMU does before it runs a command: names, types,
    /// what must be there. Decoding alone skips unknown members. The default accepts all.
    ///
    /// # Errors
    ///
    /// In QEMU's words.
    fn check_arguments(arguments: RawJson<'_>) -> Result<(), ArgumentError> {
        let _ = arguments;
        Ok(())
    }

    /// The value of its reply; [`Empty`](crate::Empty) for a command that returns nothing.
    type Output;
}
