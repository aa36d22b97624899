//! Commands, events and types as data: for programs that print them, complete their names, or make
//! arguments of text.
//!
//! A [`Vocabulary`] is asked by name. [`BuiltIn`] knows what all QEMUs have that this crate knows,
//! the guest agent too; a [`Schema`](crate::schema::Schema) what the QEMU has that it came from.
//!
//! ```
//! use qmp_types::describe::{BuiltIn, Kind, Type, Vocabulary};
//!
//! let command = BuiltIn.describe("device_del").ok_or("unknown")?;
//! let Kind::Command { arguments, returns, .. } = &command.kind else { panic!("not a command") };
//! assert_eq!(arguments.members[0].name, "id");
//! assert!(arguments.members[0].required && arguments.members[0].of == Type::String);
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
//! A program that does not use this module does not contain its tables (170 kB).

mod builtin;
mod check;
mod live;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use qmp_proto::{ArgumentError, RawJson};
use serde_json::Value;

pub use builtin::BuiltIn;

/// What describes commands, events and types.
pub trait Vocabulary {
    /// Describes the command, event or type of this name.
    fn describe(&self, name: &str) -> Option<Description>;

    /// The names of all commands, sorted.
    fn commands(&self) -> Vec<&str>;

    /// The names of all events, sorted.
    fn events(&self) -> Vec<&str>;

    /// Checks the arguments of a command as QEMU does before it runs the command: names, types, what
    /// must be there. An unknown command is not checked.
    ///
    /// # Errors
    ///
    /// In QEMU's words.
    fn check_arguments(&self, command: &str, arguments: &Value) -> Result<(), ArgumentError> {
        match self.describe(command).map(|it| it.kind) {
            Some(Kind::Command { arguments: object, .. }) => {
                check::object(self, &object, arguments)
            }
            _ => Ok(()),
        }
    }
}

/// Checks the arguments of a command that this crate knows.
pub(crate) fn check_command(command: &str, arguments: RawJson<'_>) -> Result<(), ArgumentError> {
    match arguments.decode() {
        Ok(value) => BuiltIn.check_arguments(command, &value),
        // What cannot be decoded here cannot be decoded by the command.
        Err(_) => Ok(()),
    }
}

/// A command, an event or a type.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Description {
    /// Its name on the wire. Types in a live schema have numbers for names.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Which versions have it, as far as is known; all features of it.
    pub history: History,
    /// Where QEMU's manual has it, if it does.
    pub manual: Option<String>,
}

/// What is described.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// A command.
    Command {
        /// Its arguments.
        arguments: Object,
        /// What it returns, if anything.
        returns: Option<Type>,
        /// Whether it may be executed out of band.
        allow_oob: bool,
        /// Whether it replies when it succeeds.
        success_response: bool,
    },
    /// An event, and its data.
    Event(Object),
    /// A type that is an object.
    Object(Object),
    /// A type that is one of several texts.
    Enum(Vec<EnumValue>),
    /// A type that is one of several, told by what they are in JSON.
    Alternate(Vec<Type>),
}

/// Members, and those that depend on the value of one of them.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Object {
    /// The members that are always possible.
    pub members: Vec<Member>,
    /// The name of the member that selects a branch.
    pub tag: Option<String>,
    /// Further members by the value of the tag; a value without members of its own has no branch.
    pub branches: Vec<Branch>,
    /// Whether any other member is possible, as with `device_add`.
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
    /// Which versions have it, as far as is known.
    pub history: History,
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its type.
    pub of: Type,
    /// Whether it is always there; of [`BuiltIn`], in every version.
    pub required: bool,
    /// Which versions have it, as far as is known.
    pub history: History,
}

/// A value of an enum.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EnumValue {
    /// The value.
    pub name: String,
    /// Which versions have it, as far as is known.
    pub history: History,
}

/// Which versions have something, and its features. A live schema knows the features alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct History {
    /// The version that brought it, if it is younger than what it belongs to.
    pub since: Option<(u16, u16)>,
    /// The oldest version that is known not to have it any longer.
    pub gone: Option<(u16, u16)>,
    /// Whether it depends on the target or on how QEMU was built.
    pub conditional: bool,
    /// Features such as `deprecated` and `unstable`.
    pub features: Vec<String>,
}

/// The type of a member, or of what a command returns.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Type {
    /// A string.
    String,
    /// `true` or `false`.
    Bool,
    /// A number without a fraction, within limits.
    Integer {
        /// The least value.
        least: i64,
        /// The greatest value.
        greatest: u64,
    },
    /// A number without a fraction that is not negative. QEMU takes a negative one for what it is
    /// with 64 bits.
    Unsigned {
        /// The greatest value.
        greatest: u64,
    },
    /// Any number.
    Number,
    /// `null`.
    Null,
    /// Any value.
    Any,
    /// A list of these.
    List(Box<Self>),
    /// An enum, an object or an alternate: [`Vocabulary::describe`] has it by this name.
    Named(String),
}
