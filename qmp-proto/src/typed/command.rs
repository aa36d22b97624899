//! Commands and events that know their types.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A command with typed arguments and a typed answer.
///
/// The implementing type is what is serialized as the arguments; a unit struct sends none. QEMU
/// refuses `null` for an optional argument, so leave out what is `None`:
/// `#[serde(skip_serializing_if = "Option::is_none")]`.
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
pub trait Command: Serialize {
    /// The command's name in QAPI.
    const NAME: &'static str;

    /// Whether the server answers success. False for the agent's `guest-shutdown` and
    /// `guest-suspend-…`.
    const ANSWERED: bool = true;

    /// What it returns; [`Empty`](crate::Empty) for a command that returns nothing.
    type Output: DeserializeOwned;
}

/// The data of one kind of event.
///
/// ```
/// use qmp_proto::TypedEvent;
///
/// #[derive(serde::Deserialize)]
/// struct DeviceDeleted {
///     device: Option<String>,
///     path: String,
/// }
///
/// impl TypedEvent for DeviceDeleted {
///     const NAME: &'static str = "DEVICE_DELETED";
/// }
/// ```
pub trait TypedEvent: DeserializeOwned {
    /// The event's name in QAPI.
    const NAME: &'static str;
}
