//! The definitions of a schema.

use super::Version;

/// A type as it is named where it is used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Type {
    pub(crate) name: String,
    pub(crate) is_list: bool,
}

impl Type {
    pub(crate) fn plain(name: &str) -> Self {
        Self { name: name.to_owned(), is_list: false }
    }

    pub(crate) fn is_builtin(&self) -> bool {
        is_builtin(&self.name)
    }
}

/// Returns whether a type is built into QAPI.
pub(crate) fn is_builtin(name: &str) -> bool {
    const BUILTIN: [&str; 16] = [
        "str", "number", "int", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
        "uint64", "size", "bool", "any", "null", "QType",
    ];
    BUILTIN.contains(&name)
}

pub(crate) type Feature = String;

/// A member of a struct, union, alternate or of arguments.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) of: Type,
    pub(crate) optional: bool,
    /// Whether it depends on how QEMU was built.
    pub(crate) conditional: bool,
    pub(crate) features: Vec<Feature>,
    pub(crate) since: Option<Version>,
}

/// A value of an enum.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) name: String,
    pub(crate) conditional: bool,
    pub(crate) features: Vec<Feature>,
    pub(crate) since: Option<Version>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Struct {
    /// The members of its base come first.
    pub(crate) members: Vec<Member>,
}

#[derive(Clone, Debug)]
pub(crate) struct Union {
    /// Common to all branches, including the tag.
    pub(crate) members: Vec<Member>,
    pub(crate) tag: String,
    /// A branch has the name of its tag's value.
    pub(crate) branches: Vec<Branch>,
}

#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) name: String,
    pub(crate) of: Type,
    /// Whether the branch is an object with the one member `data`.
    pub(crate) wrapped: bool,
    pub(crate) conditional: bool,
    pub(crate) features: Vec<Feature>,
}

#[derive(Clone, Debug)]
pub(crate) enum Arguments {
    Inline(Struct),
    Named(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) arguments: Arguments,
    pub(crate) returns: Option<Type>,
    pub(crate) success_response: bool,
    pub(crate) allow_oob: bool,
    /// Whether QEMU accepts more arguments than the schema lists.
    pub(crate) open: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) arguments: Arguments,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Enum(Vec<Value>),
    Struct(Struct),
    Union(Union),
    Alternate(Vec<Member>),
    Command(Command),
    Event(Event),
}

#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) name: String,
    /// The schema file without its extension.
    pub(crate) module: String,
    pub(crate) kind: Kind,
    pub(crate) conditional: bool,
    pub(crate) features: Vec<Feature>,
    pub(crate) since: Option<Version>,
}
