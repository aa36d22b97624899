//! Converts schema files to definitions, in one form for all versions of QEMU.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::comment::{self, Since};
use super::definition::{
    Arguments, Branch, Command, Definition, Event, Feature, Kind, Member, Struct, Type, Union,
    Value,
};
use super::syntax;

/// All definitions of one program, in the order of its files.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) definitions: Vec<Definition>,
    by_name: BTreeMap<String, usize>,
}

impl Schema {
    /// Reads a file and all files that it includes.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let mut raw = Vec::new();
        collect(file, &mut BTreeSet::new(), &mut raw)?;
        Self::of(raw)
    }

    fn of(raw: Vec<Raw>) -> Result<Self> {
        let files: BTreeMap<String, usize> =
            raw.iter().enumerate().map(|(at, it)| (it.name.clone(), at)).collect();
        let mut definitions = Vec::new();
        for it in &raw {
            let read = Reading { raw: &raw, by_name: &files, made: Vec::new() };
            let (definition, made) =
                read.definition(it).with_context(|| format!("in the definition of {}", it.name))?;
            definitions.extend(made);
            definitions.push(definition);
        }
        let by_name =
            definitions.iter().enumerate().map(|(at, it)| (it.name.clone(), at)).collect();
        let mut schema = Self { definitions, by_name };
        schema.fold_wrappers();
        Ok(schema)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Definition> {
        self.by_name.get(name).map(|&at| &self.definitions[at])
    }

    /// Converts a branch whose type is a struct with the one member `data` to a wrapped branch of
    /// that member's type: newer versions write the simple unions of older ones this way.
    fn fold_wrappers(&mut self) {
        let inner: BTreeMap<String, Type> = self
            .definitions
            .iter()
            .filter(|it| it.name.ends_with("Wrapper"))
            .filter_map(|it| match &it.kind {
                Kind::Struct(Struct { members }) => match members.as_slice() {
                    [one] if one.name == "data" && !one.optional => {
                        Some((it.name.clone(), one.of.clone()))
                    }
                    _ => None,
                },
                _ => None,
            })
            .collect();
        for definition in &mut self.definitions {
            let Kind::Union(union) = &mut definition.kind else { continue };
            for branch in &mut union.branches {
                if let Some(of) = inner.get(&branch.of.name) {
                    (branch.of, branch.wrapped) = (of.clone(), true);
                }
            }
        }
    }
}

/// A definition as written in its file.
struct Raw {
    name: String,
    module: String,
    members: Vec<(String, syntax::Value)>,
    since: Since,
}

impl Raw {
    fn get(&self, name: &str) -> Option<&syntax::Value> {
        self.members.iter().find(|(it, _)| it == name).map(|(_, value)| value)
    }
}

fn collect(file: &Path, seen: &mut BTreeSet<PathBuf>, raw: &mut Vec<Raw>) -> Result<()> {
    let file = file.canonicalize().with_context(|| format!("cannot find {}", file.display()))?;
    if !seen.insert(file.clone()) {
        return Ok(());
    }
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let module = module(&file);
    let definitions = syntax::read(&text).with_context(|| format!("in {}", file.display()))?;
    for definition in definitions {
        let Some((kind, name)) = definition.members.first() else { continue };
        match (kind.as_str(), name) {
            ("include", name) => {
                let folder = file.parent().unwrap_or_else(|| Path::new("."));
                collect(&folder.join(name.text()?), seen, raw)?;
            }
            ("pragma", _) => {}
            (_, name) => raw.push(Raw {
                name: name.text()?.to_owned(),
                module: module.clone(),
                since: comment::since(&definition.comment),
                members: definition.members,
            }),
        }
    }
    Ok(())
}

/// Returns `block-core` for `qapi/block-core.json`; the agent's only file is called `qga`.
fn module(file: &Path) -> String {
    let text = |part: Option<&std::ffi::OsStr>| {
        part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default()
    };
    match text(file.parent().and_then(Path::file_name)).as_str() {
        "qga" => "qga".to_owned(),
        _ => text(file.file_stem()),
    }
}

/// A definition being read, with the types that must be created for it.
struct Reading<'a> {
    raw: &'a [Raw],
    by_name: &'a BTreeMap<String, usize>,
    made: Vec<Definition>,
}

impl Reading<'_> {
    fn definition(mut self, raw: &Raw) -> Result<(Definition, Vec<Definition>)> {
        let data = raw.get("data");
        let kind = match raw.members.first().map(|(kind, _)| kind.as_str()) {
            Some("enum") => Kind::Enum(values(required(data)?, &raw.since)?),
            Some("struct") => Kind::Struct(Struct { members: self.members_of(raw)? }),
            Some("union") => self.union(raw)?,
            Some("alternate") => Kind::Alternate(members(required(data)?, &raw.since)?),
            Some("command") => Kind::Command(Command {
                arguments: arguments(data, &raw.since)?,
                returns: raw.get("returns").map(of).transpose()?,
                success_response: !is(raw.get("success-response"), false),
                allow_oob: is(raw.get("allow-oob"), true),
                open: is(raw.get("gen"), false),
            }),
            Some("event") => Kind::Event(Event { arguments: arguments(data, &raw.since)? }),
            other => bail!("{other:?} is not a kind of definition"),
        };
        let definition = Definition {
            name: raw.name.clone(),
            module: raw.module.clone(),
            kind,
            conditional: raw.get("if").is_some(),
            features: features(raw.get("features"))?,
            since: raw.since.definition,
        };
        Ok((definition, self.made))
    }

    /// Returns the members of a struct with those of its base.
    fn members_of(&self, raw: &Raw) -> Result<Vec<Member>> {
        let mut all = match raw.get("base") {
            Some(base) => self.base(base, &raw.since)?,
            None => Vec::new(),
        };
        all.extend(members(required(raw.get("data"))?, &raw.since)?);
        Ok(all)
    }

    fn base(&self, base: &syntax::Value, since: &Since) -> Result<Vec<Member>> {
        match base {
            syntax::Value::Text(name) => match self.by_name.get(name) {
                Some(&at) => self.members_of(&self.raw[at]),
                None => bail!("its base {name} is not defined"),
            },
            inline => members(inline, since),
        }
    }

    fn union(&mut self, raw: &Raw) -> Result<Kind> {
        let data = object(required(raw.get("data"))?)?;
        let Some(tag) = raw.get("discriminator") else {
            return self.simple_union(raw, data);
        };
        let base = required(raw.get("base"))?;
        let branches = data.iter().map(|(name, value)| branch(name, value, false));
        Ok(Kind::Union(Union {
            members: self.base(base, &raw.since)?,
            tag: tag.text()?.to_owned(),
            branches: branches.collect::<Result<_>>()?,
        }))
    }

    /// Reads a union in the form used until 6.1: the tag is `type`, and each branch is in `data`.
    fn simple_union(&mut self, raw: &Raw, data: &[(String, syntax::Value)]) -> Result<Kind> {
        let branches: Vec<Branch> =
            data.iter().map(|(name, value)| branch(name, value, true)).collect::<Result<_>>()?;
        let kind = format!("{}Kind", raw.name);
        self.made.push(Definition {
            name: kind.clone(),
            module: raw.module.clone(),
            kind: Kind::Enum(
                branches
                    .iter()
                    .map(|branch| Value {
                        name: branch.name.clone(),
                        conditional: branch.conditional,
                        features: Vec::new(),
                        since: None,
                    })
                    .collect(),
            ),
            conditional: raw.get("if").is_some(),
            features: Vec::new(),
            since: raw.since.definition,
        });
        let tag = Member {
            name: "type".into(),
            of: Type::plain(&kind),
            optional: false,
            conditional: false,
            features: Vec::new(),
            since: None,
        };
        Ok(Kind::Union(Union { members: vec![tag], tag: "type".into(), branches }))
    }
}

fn required(value: Option<&syntax::Value>) -> Result<&syntax::Value> {
    value.context("a part of it is missing")
}

fn is(value: Option<&syntax::Value>, flag: bool) -> bool {
    value == Some(&syntax::Value::Flag(flag))
}

fn object(value: &syntax::Value) -> Result<&[(String, syntax::Value)]> {
    match value {
        syntax::Value::Object(members) => Ok(members),
        other => bail!("an object is expected, not {other:?}"),
    }
}

fn arguments(data: Option<&syntax::Value>, since: &Since) -> Result<Arguments> {
    Ok(match data {
        Some(syntax::Value::Text(name)) => Arguments::Named(name.clone()),
        Some(inline) => Arguments::Inline(Struct { members: members(inline, since)? }),
        None => Arguments::Inline(Struct::default()),
    })
}

fn members(value: &syntax::Value, since: &Since) -> Result<Vec<Member>> {
    let member = |(name, value): &(String, syntax::Value)| {
        let (of, conditional, features) = detailed(value)?;
        let plain = name.strip_prefix('*').unwrap_or(name);
        Ok(Member {
            name: plain.to_owned(),
            of,
            optional: name.starts_with('*'),
            conditional,
            features,
            since: since.members.get(plain).copied(),
        })
    };
    object(value)?.iter().map(member).collect()
}

fn branch(name: &str, value: &syntax::Value, wrapped: bool) -> Result<Branch> {
    let (of, conditional, features) = detailed(value)?;
    Ok(Branch { name: name.to_owned(), of, wrapped, conditional, features })
}

fn values(value: &syntax::Value, since: &Since) -> Result<Vec<Value>> {
    let syntax::Value::List(values) = value else { bail!("its values are not a list") };
    let read = |value: &syntax::Value| {
        let (name, conditional, listed) = match value {
            syntax::Value::Text(name) => (name.clone(), false, Vec::new()),
            detailed => {
                let members = object(detailed)?;
                let name = required(find(members, "name"))?.text()?.to_owned();
                (name, find(members, "if").is_some(), features(find(members, "features"))?)
            }
        };
        let since = since.members.get(&name).copied();
        Ok(Value { name, conditional, features: listed, since })
    };
    values.iter().map(read).collect()
}

/// Returns a type, whether it is conditional, and its features.
fn detailed(value: &syntax::Value) -> Result<(Type, bool, Vec<Feature>)> {
    match value {
        syntax::Value::Object(members) => Ok((
            of(required(find(members, "type"))?)?,
            find(members, "if").is_some(),
            features(find(members, "features"))?,
        )),
        plain => Ok((of(plain)?, false, Vec::new())),
    }
}

fn find<'v>(members: &'v [(String, syntax::Value)], name: &str) -> Option<&'v syntax::Value> {
    members.iter().find(|(it, _)| it == name).map(|(_, value)| value)
}

fn of(value: &syntax::Value) -> Result<Type> {
    match value {
        syntax::Value::Text(name) => Ok(Type::plain(name)),
        syntax::Value::List(list) => match list.as_slice() {
            [syntax::Value::Text(name)] => Ok(Type { name: name.clone(), is_list: true }),
            other => bail!("{other:?} is not a type of a list"),
        },
        other => bail!("{other:?} is not a type"),
    }
}

fn features(value: Option<&syntax::Value>) -> Result<Vec<Feature>> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let syntax::Value::List(list) = value else { bail!("its features are not a list") };
    let name = |feature: &syntax::Value| match feature {
        syntax::Value::Text(name) => Ok(name.clone()),
        detailed => Ok(required(find(object(detailed)?, "name"))?.text()?.to_owned()),
    };
    list.iter().map(name).collect()
}
