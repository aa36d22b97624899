//! Commands with types, and the value of those that return nothing.

use core::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::message::RawJson;
use crate::typed::ArgumentError;

/// A command with typed arguments and a typed reply.
///
/// The implementing type is serialized as the arguments; a unit struct sends none. QEMU refuses
/// `null` for an optional argument, so omit members that are `None`: `#[serde(skip_serializing_if =
/// "Option::is_none")]`.
///
/// The trait has no bounds. A client needs `Serialize` for the command and `Deserialize` for its
/// output, and a server the reverse; each method has the bounds that it needs.
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
    /// The name of the command in QAPI.
    const NAME: &'static str;

    /// Whether the server replies when the command succeeds, QAPI's `success-response`. False for
    /// the agent's `guest-shutdown` and `guest-suspend-…`, which reply only when they fail.
    const SUCCESS_RESPONSE: bool = true;

    /// Whether the command may be executed out of band, QAPI's `allow-oob`.
    const ALLOW_OOB: bool = false;

    /// Checks a client's arguments as QEMU does before it executes a command: names, types, and
    /// required members. Decoding alone ignores unknown members. The default accepts all arguments.
    ///
    /// # Errors
    ///
    /// If the arguments are not those of the command. The error has QEMU's words.
    fn check_arguments(arguments: RawJson<'_>) -> Result<(), ArgumentError> {
        let _ = arguments;
        Ok(())
    }

    /// The type of the reply's value; [`Empty`] for a command that returns nothing.
    type Output;
}

/// The value of a command that returns nothing: `{}` on the wire.
///
/// It decodes from any object and ignores the members, because a later version of QEMU may add
/// members to an empty reply.
///
/// ```
/// use qmp_proto::{Command, Empty};
///
/// #[derive(serde::Serialize)]
/// struct Stop;
///
/// impl Command for Stop {
///     const NAME: &'static str = "stop";
///     type Output = Empty;
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Empty;

impl<'de> Deserialize<'de> for Empty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyObject;

        impl<'de> Visitor<'de> for AnyObject {
            type Value = Empty;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Empty, A::Error> {
                while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Empty)
            }
        }

        deserializer.deserialize_map(AnyObject)
    }
}

impl Serialize for Empty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_map(Some(0))?.end()
    }
}
