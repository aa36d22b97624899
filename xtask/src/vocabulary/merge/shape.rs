//! A definition of the superset.

use std::collections::BTreeSet;

use crate::vocabulary::qapi::Arguments;
use crate::vocabulary::qapi::{Definition, Kind, Member, Schema, Struct, Type};

/// The origin of a shape in one version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// A type of this name.
    Type(String),
    /// The inline arguments of this command or event.
    Arguments(String),
    /// The command or event itself.
    Root(String),
}

/// A definition of the superset, and its origins.
#[derive(Debug)]
pub(crate) struct Shape {
    /// With references to types renamed to those of the superset, and with the members of all
    /// versions. Inline arguments are part of their command.
    pub(crate) definition: Definition,
    /// The newest version that has it.
    pub(crate) home: usize,
    /// For each version, the definitions that correspond to it.
    pub(crate) origins: Vec<BTreeSet<Origin>>,
    /// For each version, those of the inline arguments.
    pub(crate) argument_origins: Vec<BTreeSet<Origin>>,
}

/// The members of a definition of one version: all members of an object, the common ones of a
/// union.
pub(crate) fn members<'s>(schema: &'s Schema, origin: &Origin) -> &'s [Member] {
    let (Origin::Type(name) | Origin::Arguments(name) | Origin::Root(name)) = origin;
    match schema.get(name).map(|definition| &definition.kind) {
        Some(kind) => members_of(kind),
        None => &[],
    }
}

pub(crate) fn members_of(kind: &Kind) -> &[Member] {
    match kind {
        Kind::Struct(Struct { members }) | Kind::Alternate(members) => members,
        Kind::Union(union) => &union.members,
        Kind::Command(command) => inline(&command.arguments),
        Kind::Event(event) => inline(&event.arguments),
        Kind::Enum(_) => &[],
    }
}

fn inline(arguments: &Arguments) -> &[Member] {
    match arguments {
        Arguments::Inline(it) => &it.members,
        Arguments::Named(_) => &[],
    }
}

pub(crate) fn members_mut(kind: &mut Kind) -> Option<&mut Vec<Member>> {
    match kind {
        Kind::Struct(Struct { members }) | Kind::Alternate(members) => Some(members),
        Kind::Union(union) => Some(&mut union.members),
        Kind::Command(command) => inline_mut(&mut command.arguments),
        Kind::Event(event) => inline_mut(&mut event.arguments),
        Kind::Enum(_) => None,
    }
}

fn inline_mut(arguments: &mut Arguments) -> Option<&mut Vec<Member>> {
    match arguments {
        Arguments::Inline(it) => Some(&mut it.members),
        Arguments::Named(_) => None,
    }
}

/// Returns all types that a definition refers to, for renaming.
pub(crate) fn references(kind: &mut Kind) -> Vec<&mut Type> {
    let mut found: Vec<&mut Type> = Vec::new();
    match kind {
        Kind::Union(union) => {
            found.extend(union.branches.iter_mut().map(|branch| &mut branch.of));
            found.extend(union.members.iter_mut().map(|member| &mut member.of));
        }
        Kind::Command(command) => {
            found.extend(command.returns.as_mut());
            if let Arguments::Inline(it) = &mut command.arguments {
                found.extend(it.members.iter_mut().map(|member| &mut member.of));
            }
        }
        other => {
            found.extend(members_mut(other).into_iter().flatten().map(|member| &mut member.of))
        }
    }
    found
}
