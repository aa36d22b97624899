//! The built-in vocabulary, read from the facts that this crate is generated from.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Branch, Description, EnumValue, History, Kind, Member, Object, Type, Vocabulary};
use crate::facts::{self, Facts, Feature, Item, Number, Part, Versions};
use crate::generated::index::INDEX;

const TEXT: &str = include_str!("../../facts.txt");

/// The vocabulary of this crate: all commands, events and types of QEMU 5.2 to 11.1, of its storage
/// daemon and of its guest agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BuiltIn;

impl Vocabulary for BuiltIn {
    fn describe(&self, name: &str) -> Option<Description> {
        let (versions, item) = find(name)?;
        let reader = Reader { versions: &versions };
        Some(Description {
            name: name.to_string(),
            kind: reader.kind(&item),
            history: reader
                .history(item.versions, reader.all(), item.since, true, &item.features)
                .conditional(item.conditional),
            manual: facts::manual(&item),
        })
    }

    fn commands(&self) -> Vec<&str> {
        names("command ")
    }

    fn events(&self) -> Vec<&str> {
        names("event ")
    }
}

fn names(kind: &str) -> Vec<&'static str> {
    let is_kind = |at: &usize| TEXT.get(*at..).is_some_and(|text| text.starts_with(kind));
    INDEX.iter().filter(|(_, at)| is_kind(at)).map(|(name, _)| *name).collect()
}

/// Parses a single item, which is a thousand times as fast as parsing all of them.
fn find(name: &str) -> Option<(Vec<Number>, Item<'static>)> {
    let found = INDEX.binary_search_by_key(&name, |(name, _)| name).ok()?;
    let (_, at) = INDEX.get(found)?;
    let (before, text) = TEXT.split_at_checked(*at)?;
    let module = before.rsplit_once("\nmodule ")?.1.lines().next()?;
    let (versions, _) = TEXT.split_once('\n')?;
    let mut facts = Facts::read(versions);
    facts.add_item_of(module, text);
    Some((facts.versions, facts.items.pop()?))
}

struct Reader<'v> {
    versions: &'v [Number],
}

impl Reader<'_> {
    const fn all(&self) -> Versions {
        Versions::first(self.versions.len())
    }

    fn kind(&self, item: &Item<'_>) -> Kind {
        match item.kind {
            facts::Kind::Command => Kind::Command {
                arguments: self.arguments(item),
                returns: item.returns.map(type_of),
                allow_oob: item.allow_oob,
                success_response: item.success_response,
            },
            facts::Kind::Event => Kind::Event(self.arguments(item)),
            facts::Kind::Enum => {
                let value = |part: &Part<'_>| EnumValue {
                    name: part.name.to_string(),
                    history: self.part(item, part),
                };
                Kind::Enum(item.values.iter().map(value).collect())
            }
            facts::Kind::Alternate => {
                Kind::Alternate(item.members.iter().map(|form| type_of(form.of)).collect())
            }
            facts::Kind::Struct | facts::Kind::Union => Kind::Object(self.object(item)),
        }
    }

    fn arguments(&self, item: &Item<'_>) -> Object {
        match item.arguments.and_then(find) {
            Some((_, named)) => self.object(&named),
            None => self.object(item),
        }
    }

    fn object(&self, item: &Item<'_>) -> Object {
        let member = |part: &Part<'_>| Member {
            name: part.name.to_string(),
            r#type: type_of(part.of),
            required: part.optional.is_empty() && part.versions.contains(item.versions),
            history: self.part(item, part),
        };
        let branch = |part: &Part<'_>| Branch {
            value: part.name.to_string(),
            object: self.branch(part),
            history: self.part(item, part),
        };
        Object {
            members: item.members.iter().map(member).collect(),
            tag: Some(item.tag).filter(|tag| !tag.is_empty()).map(ToString::to_string),
            branches: item.branches.iter().map(branch).collect(),
            open: item.open,
        }
    }

    fn branch(&self, part: &Part<'_>) -> Object {
        if part.wrapped {
            let data = Member {
                name: "data".to_string(),
                r#type: type_of(part.of),
                required: true,
                history: History::default(),
            };
            return Object { members: [data].into(), ..Object::default() };
        }
        find(part.of).map(|(_, item)| self.object(&item)).unwrap_or_default()
    }

    fn part(&self, item: &Item<'_>, part: &Part<'_>) -> History {
        self.history(part.versions, item.versions, part.since, false, &part.features)
            .conditional(part.conditional)
    }

    fn history(
        &self,
        versions: Versions,
        all: Versions,
        since: Option<Number>,
        always: bool,
        features: &[Feature<'_>],
    ) -> History {
        let (first, last) = (versions.oldest(), versions.newest());
        let number = |at: usize| self.versions.get(at).copied();
        let younger = first > all.oldest();
        let of_last = features.iter().filter(|feature| feature.versions.has(last));
        History {
            since: if younger || always { since.or_else(|| number(first)) } else { None },
            gone: if last < self.all().newest() { number(last + 1) } else { None },
            conditional: false,
            features: of_last.map(|feature| String::from(feature.name)).collect(),
        }
    }
}

impl History {
    const fn conditional(mut self, conditional: bool) -> Self {
        self.conditional = conditional;
        self
    }
}

fn type_of(of: &str) -> Type {
    if let Some(element) = of.strip_prefix('[').and_then(|of| of.strip_suffix(']')) {
        return Type::List(Box::new(type_of(element)));
    }
    let integer = |min, max| Type::Integer { min, max };
    match of {
        "str" => Type::String,
        "bool" => Type::Bool,
        "number" => Type::Number,
        "null" => Type::Null,
        "any" => Type::Any,
        "int" | "int64" => integer(i64::MIN, i64::MAX.unsigned_abs()),
        "int8" => integer(i8::MIN.into(), i8::MAX.unsigned_abs().into()),
        "int16" => integer(i16::MIN.into(), i16::MAX.unsigned_abs().into()),
        "int32" => integer(i32::MIN.into(), i32::MAX.unsigned_abs().into()),
        "uint8" => Type::Unsigned { max: u8::MAX.into() },
        "uint16" => Type::Unsigned { max: u16::MAX.into() },
        "uint32" => Type::Unsigned { max: u32::MAX.into() },
        "uint64" | "size" => Type::Unsigned { max: u64::MAX },
        name => Type::Named(name.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn finds_each_item_by_its_name() {
        let all = Facts::read(TEXT);
        assert_eq!(INDEX.len(), all.items.len());
        for item in &all.items {
            let (versions, found) = find(item.name).unwrap();
            assert_eq!(versions, all.versions);
            assert_eq!(format!("{found:?}"), format!("{item:?}"));
            assert_eq!(BuiltIn.describe(item.name).unwrap().name, item.name);
        }
        assert!(BuiltIn.describe("no-such-thing").is_none());
        let count = |kind| all.items.iter().filter(|item| item.kind == kind).count();
        assert_eq!(BuiltIn.commands().len(), count(facts::Kind::Command));
        assert_eq!(BuiltIn.events().len(), count(facts::Kind::Event));
    }

    #[test]
    fn describes_a_command_with_its_branches_versions_and_manual() {
        let command = BuiltIn.describe("blockdev-add").unwrap();
        assert_eq!(command.history.since, Some((2, 9)));
        assert!(command.manual.unwrap().ends_with("#command-QMP-block-core.blockdev-add"));
        let Kind::Command { arguments, .. } = command.kind else { panic!() };
        assert_eq!(arguments.tag.as_deref(), Some("driver"));
        let qcow2 = arguments.branches.iter().find(|branch| branch.value == "qcow2").unwrap();
        assert!(qcow2.object.members.iter().any(|member| member.name == "file" && member.required));
        let gone = BuiltIn.describe("query-migrationthreads").unwrap().history;
        assert_eq!((gone.gone, gone.features), (Some((11, 1)), ["deprecated".to_string()].into()));
        let wrapped = BuiltIn.describe("chardev-add").unwrap();
        let Kind::Command { arguments, .. } = wrapped.kind else { panic!() };
        let backend = arguments.members.iter().find(|it| it.name == "backend").unwrap();
        let Type::Named(backend) = &backend.r#type else { panic!() };
        let Kind::Object(backend) = BuiltIn.describe(backend).unwrap().kind else { panic!() };
        assert_eq!(backend.branches[0].object.members[0].name, "data");
    }
}
