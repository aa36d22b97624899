//! Commands, events and types as data, for programs that print them, complete their names, or parse
//! arguments from text.
//!
//! A [`Vocabulary`] describes items by name. [`BuiltIn`] describes all items of this crate. A
//! [`Schema`](crate::schema::Schema) describes the items of the QEMU that returned it.
//!
//! ```
//! use qmp_types::describe::{BuiltIn, Kind, Type, Vocabulary};
//!
//! let command = BuiltIn.describe("device_del").ok_or("unknown")?;
//! let Kind::Command { arguments, returns, .. } = &command.kind else { panic!("not a command") };
//! assert_eq!(arguments.members[0].name, "id");
//! assert!(arguments.members[0].required && arguments.members[0].r#type == Type::String);
//! assert!(returns.is_none());
//!
//! let wrong = serde_json::json!({"id": 1});
//! assert_eq!(
//!     BuiltIn.check_arguments("device_del", &wrong).unwrap_err().to_string(),
//!     "Invalid parameter type for 'id', expected: string",
//! );
//! # Ok::<(), &str>(())
//! ```
//!
//! The tables of this module (170 kB) are linked only into programs that use it.

mod builtin;
mod check;
mod live;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use qmp_proto::{ArgumentError, RawJson};
use serde_json::Value;

pub use builtin::BuiltIn;

/// A source of descriptions of commands, events and types.
pub trait Vocabulary {
    /// Returns the description of the command, event or type with this name.
    fn describe(&self, name: &str) -> Option<Description>;

    /// Returns the names of all commands, sorted.
    fn commands(&self) -> Vec<&str>;

    /// Returns the names of all events, sorted.
    fn events(&self) -> Vec<&str>;

    /// Checks the arguments of a command as QEMU does before it executes the command: their names and
    /// types, and that required ones are present. The arguments of an unknown command are not checked.
    ///
    /// # Errors
    ///
    /// Returns the error that QEMU would return.
    fn check_arguments(&self, command: &str, arguments: &Value) -> Result<(), ArgumentError> {
        match self.describe(command).map(|it| it.kind) {
            Some(Kind::Command { arguments: object, .. }) => {
                check::object(self, &object, arguments)
            }
            _ => Ok(()),
        }
    }
}

/// Checks the arguments of a command with the built-in vocabulary.
pub(crate) fn check_command(command: &str, arguments: RawJson<'_>) -> Result<(), ArgumentError> {
    match arguments.decode() {
        Ok(value) => BuiltIn.check_arguments(command, &value),
        // The command itself then reports that its arguments cannot be decoded.
        Err(_) => Ok(()),
    }
}

/// The description of a command, an event or a type.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Description {
    /// Its name on the wire. In a live schema, the name of a type is a number.
    pub name: String,
    /// Its kind, and its parts.
    pub kind: Kind,
    /// Its versions, as far as they are known, and its features.
    pub history: History,
    /// The link to it in QEMU's manual, if the manual has it.
    pub manual: Option<String>,
}

/// The kind of an item, and its parts.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// A command.
    Command {
        /// Its arguments.
        arguments: Object,
        /// The type of its return value, if it has one.
        returns: Option<Type>,
        /// Whether it may be executed out of band.
        allow_oob: bool,
        /// Whether QEMU replies if it succeeds.
        success_response: bool,
    },
    /// An event with its data.
    Event(Object),
    /// A type that is an object.
    Object(Object),
    /// A type that is one of several strings.
    Enum(Vec<EnumValue>),
    /// A type that is one of several types, distinguished by their JSON type.
    Alternate(Vec<Type>),
}

/// The members of an object, and the members that depend on the value of its tag.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Object {
    /// The members that do not depend on the tag.
    pub members: Vec<Member>,
    /// The name of the member that selects a branch.
    pub tag: Option<String>,
    /// The branches. A value of the tag that has no members of its own has no branch.
    pub branches: Vec<Branch>,
    /// Whether any other member is accepted, as by `device_add`.
    pub open: bool,
}

/// The members that belong to a value of the tag.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Branch {
    /// The value of the tag.
    pub value: String,
    /// Its members.
    pub object: Object,
    /// Its versions, as far as they are known.
    pub history: History,
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its type.
    pub r#type: Type,
    /// Whether it is required. In [`BuiltIn`]: whether every version requires it.
    pub required: bool,
    /// Its versions, as far as they are known.
    pub history: History,
}

/// A value of an enum.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EnumValue {
    /// The value.
    pub name: String,
    /// Its versions, as far as they are known.
    pub history: History,
}

/// The versions and features of an item. A live schema contains only the features.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct History {
    /// The version that introduced it, if that is newer than the containing item.
    pub since: Option<(u16, u16)>,
    /// The oldest version that is known to have removed it.
    pub gone: Option<(u16, u16)>,
    /// Whether it depends on the target or on the build options of QEMU.
    pub conditional: bool,
    /// Its features, such as `deprecated` and `unstable`.
    pub features: Vec<String>,
}

/// The type of a member or of a return value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Type {
    /// A string.
    String,
    /// `true` or `false`.
    Bool,
    /// An integer.
    Integer {
        /// The minimum value.
        min: i64,
        /// The maximum value.
        max: u64,
    },
    /// An unsigned integer. QEMU converts a negative value to 64 bits.
    Unsigned {
        /// The maximum value.
        max: u64,
    },
    /// Any number.
    Number,
    /// `null`.
    Null,
    /// Any value.
    Any,
    /// A list.
    List(Box<Self>),
    /// The name of an enum, an object or an alternate, for [`Vocabulary::describe`].
    Named(String),
}
