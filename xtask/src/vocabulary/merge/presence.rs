//! Determines which versions have each part of the superset, and writes `facts.txt`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::shape::{Origin, Shape, members, members_of};
use super::{Merged, Release};
use crate::vocabulary::qapi::{Arguments, Definition, Kind, Member, Type, Value, Version};

/// The place of each item in QEMU's manual: the version of the manual, and the module there.
pub(crate) type Manual = BTreeMap<String, (String, String)>;

/// The properties of a thing in each version that has it.
#[derive(Clone, Debug, Default)]
struct Presence {
    present: Vec<bool>,
    optional: Vec<bool>,
    conditional: bool,
    features: Vec<BTreeSet<String>>,
    since: Option<Version>,
}

impl Presence {
    fn new(count: usize) -> Self {
        Self {
            present: vec![false; count],
            optional: vec![false; count],
            conditional: false,
            features: vec![BTreeSet::new(); count],
            since: None,
        }
    }
}

/// Writes the facts of one program's definitions.
pub(crate) fn facts(releases: &[Release], merged: &Merged, manual: &Manual) -> String {
    let writer = Writer { releases, manual };
    let mut modules: BTreeMap<&str, Vec<&Shape>> = BTreeMap::new();
    for shape in &merged.shapes {
        modules.entry(&shape.definition.module).or_default().push(shape);
    }
    let mut text = String::new();
    for (module, mut shapes) in modules {
        let _ = writeln!(text, "\nmodule {module}");
        shapes.sort_by_key(|shape| (rank(&shape.definition.kind), &shape.definition.name));
        for shape in shapes {
            writer.shape(&mut text, shape);
        }
    }
    text
}

const fn rank(kind: &Kind) -> u8 {
    match kind {
        Kind::Command(_) => 0,
        Kind::Event(_) => 1,
        _ => 2,
    }
}

struct Writer<'a> {
    releases: &'a [Release],
    manual: &'a Manual,
}

impl Writer<'_> {
    fn shape(&self, text: &mut String, shape: &Shape) {
        let definition = &shape.definition;
        let presence = self.presence(shape);
        let kind = match &definition.kind {
            Kind::Enum(_) => "enum",
            Kind::Struct(_) => "struct",
            Kind::Union(_) => "union",
            Kind::Alternate(_) => "alternate",
            Kind::Command(_) => "command",
            Kind::Event(_) => "event",
        };
        let _ = write!(text, "{kind} {}", definition.name);
        match &definition.kind {
            Kind::Union(union) => {
                let _ = write!(text, " tag={}", union.tag);
            }
            Kind::Command(command) => {
                write_arguments(text, &command.arguments);
                if let Some(returns) = &command.returns {
                    let _ = write!(text, " -> {}", spelt(returns));
                }
                text.push_str(if command.allow_oob { " oob" } else { "" });
                text.push_str(if command.success_response { "" } else { " no-success-response" });
                text.push_str(if command.open { " open" } else { "" });
            }
            Kind::Event(event) => write_arguments(text, &event.arguments),
            _ => {}
        }
        if self.releases[shape.home].daemon.contains(&definition.name) {
            text.push_str(" daemon");
        }
        let all = vec![true; self.releases.len()];
        self.attributes(text, &presence, &all, true);
        if let Some((version, module)) = self.manual.get(&definition.name) {
            let _ = write!(text, " manual={version}");
            if *module != definition.module {
                let _ = write!(text, ":{module}");
            }
        }
        text.push('\n');
        self.parts(text, shape, &presence.present);
    }

    fn parts(&self, text: &mut String, shape: &Shape, all: &[bool]) {
        let definition = &shape.definition;
        for member in members_of(&definition.kind) {
            let presence = self.member_presence(shape, member);
            let _ = write!(text, ". {} {}", member.name, spelt(&member.of));
            self.optional(text, &presence);
            self.attributes(text, &presence, all, false);
            text.push('\n');
        }
        match &definition.kind {
            Kind::Enum(values) => {
                for value in values {
                    let presence = self.value_presence(shape, &value.name);
                    let _ = write!(text, "= {}", value.name);
                    self.attributes(text, &presence, all, false);
                    text.push('\n');
                }
            }
            Kind::Union(union) => {
                for branch in &union.branches {
                    let presence = self.branch_presence(shape, &branch.name);
                    let _ = write!(text, "| {} {}", branch.name, spelt(&branch.of));
                    text.push_str(if branch.wrapped { " data" } else { "" });
                    self.attributes(text, &presence, all, false);
                    text.push('\n');
                }
            }
            _ => {}
        }
    }

    /// Returns the definitions of one version that correspond to a shape.
    fn origins<'s>(&'s self, shape: &'s Shape, version: usize) -> Vec<&'s Definition> {
        let schema = &self.releases[version].schema;
        let name = |origin: &'s Origin| match origin {
            Origin::Type(name) | Origin::Root(name) => schema.get(name),
            Origin::Arguments(_) => None,
        };
        shape.origins[version].iter().filter_map(name).collect()
    }

    fn presence(&self, shape: &Shape) -> Presence {
        let mut presence = Presence::new(self.releases.len());
        for version in 0..self.releases.len() {
            presence.present[version] = !shape.origins[version].is_empty();
            for definition in self.origins(shape, version) {
                presence.conditional |= definition.conditional;
                presence.features[version].extend(definition.features.iter().cloned());
                presence.since = definition.since.or(presence.since);
            }
        }
        presence
    }

    fn member_presence(&self, shape: &Shape, member: &Member) -> Presence {
        let mut presence = Presence::new(self.releases.len());
        for version in 0..self.releases.len() {
            let schema = &self.releases[version].schema;
            let is_root = |it: &&Origin| !matches!(it, Origin::Root(_));
            let types = shape.origins[version].iter().filter(is_root);
            let origins: Vec<&Origin> = types.chain(&shape.argument_origins[version]).collect();
            let found =
                |origin: &&Origin| members(schema, origin).iter().find(|it| it.name == member.name);
            let same: Vec<&Member> = origins.iter().filter_map(found).collect();
            presence.present[version] = !same.is_empty();
            presence.optional[version] = !same.is_empty()
                && (same.len() < origins.len() || same.iter().any(|it| it.optional));
            for it in same {
                presence.conditional |= it.conditional;
                presence.features[version].extend(it.features.iter().cloned());
                presence.since = it.since.or(presence.since);
            }
        }
        presence
    }

    fn value_presence(&self, shape: &Shape, name: &str) -> Presence {
        let mut presence = Presence::new(self.releases.len());
        for version in 0..self.releases.len() {
            for definition in self.origins(shape, version) {
                let Kind::Enum(values) = &definition.kind else { continue };
                let Some(value) = values.iter().find(|it| it.name == name) else { continue };
                let Value { conditional, features, since, .. } = value;
                presence.present[version] = true;
                presence.conditional |= *conditional;
                presence.features[version].extend(features.iter().cloned());
                presence.since = since.or(presence.since);
            }
        }
        presence
    }

    fn branch_presence(&self, shape: &Shape, name: &str) -> Presence {
        let mut presence = Presence::new(self.releases.len());
        for version in 0..self.releases.len() {
            for definition in self.origins(shape, version) {
                let Kind::Union(union) = &definition.kind else { continue };
                let Some(branch) = union.branches.iter().find(|it| it.name == name) else {
                    continue;
                };
                presence.present[version] = true;
                presence.conditional |= branch.conditional;
                presence.features[version].extend(branch.features.iter().cloned());
            }
        }
        presence
    }

    fn optional(&self, text: &mut String, presence: &Presence) {
        if presence.optional == presence.present {
            text.push_str(" ?");
        } else if presence.optional.contains(&true) {
            let _ = write!(text, " ?{}", self.ranges(&presence.optional));
        }
    }

    /// Returns versions, age, condition and features, as far as they differ from those of the
    /// containing item.
    fn attributes(&self, text: &mut String, presence: &Presence, all: &[bool], is_item: bool) {
        if presence.present != all {
            let _ = write!(text, " {}", self.ranges(&presence.present));
        }
        let first = presence.present.iter().position(|it| *it);
        if is_item || first != all.iter().position(|it| *it) {
            if let Some((major, minor)) = self.since(presence) {
                let _ = write!(text, " since={major}.{minor}");
            }
        }
        text.push_str(if presence.conditional { " if" } else { "" });
        let names: BTreeSet<&String> = presence.features.iter().flatten().collect();
        for name in names {
            let versions: Vec<bool> =
                presence.features.iter().map(|features| features.contains(name)).collect();
            let _ = write!(text, " #{name}");
            if versions != presence.present {
                let _ = write!(text, "@{}", self.ranges(&versions));
            }
        }
    }

    /// Returns the documented version, unless the schemas contradict it.
    fn since(&self, presence: &Presence) -> Option<Version> {
        let first = presence.present.iter().position(|it| *it)?;
        let since = presence.since?;
        let number = |at: usize| parse(&self.releases[at].version);
        let before = first.checked_sub(1).map_or((0, 0), number);
        (before < since && since <= number(first)).then_some(since)
    }

    /// Returns `7.2..`, `..10.0` or `7.2..10.0`.
    fn ranges(&self, versions: &[bool]) -> String {
        let mut runs: Vec<String> = Vec::new();
        let mut at = 0;
        while at < versions.len() {
            if !versions[at] {
                at += 1;
                continue;
            }
            let end = versions[at..].iter().position(|it| !it).map_or(versions.len(), |it| at + it);
            let name = |at: usize| self.releases[at].version.as_str();
            let from = if at == 0 { "" } else { name(at) };
            let to = if end == versions.len() { "" } else { name(end - 1) };
            runs.push(format!("{from}..{to}"));
            at = end;
        }
        runs.join(",")
    }
}

fn write_arguments(text: &mut String, arguments: &Arguments) {
    if let Arguments::Named(name) = arguments {
        let _ = write!(text, " ({name})");
    }
}

fn spelt(of: &Type) -> String {
    if of.is_list { format!("[{}]", of.name) } else { of.name.clone() }
}

fn parse(version: &str) -> Version {
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    (major.parse().unwrap_or_default(), minor.parse().unwrap_or_default())
}
