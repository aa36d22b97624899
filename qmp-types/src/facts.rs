//! The parser of `facts.txt`, used by the generator and by `describe` of `qmp-types`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// All facts.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    /// The versions of QEMU that the facts come from, oldest first.
    pub(crate) versions: Vec<Number>,
    pub(crate) items: Vec<Item<'a>>,
}

/// The major and minor version of QEMU.
pub(crate) type Number = (u16, u16);

/// A set of versions, as bits. The lowest bit is the oldest version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Versions(pub(crate) u32);

impl Versions {
    pub(crate) const fn first(count: usize) -> Self {
        Self((1 << count) - 1)
    }

    pub(crate) const fn has(self, version: usize) -> bool {
        self.0 & 1 << version != 0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the index of the oldest version in the set.
    pub(crate) const fn oldest(self) -> usize {
        self.0.trailing_zeros() as usize
    }

    /// Returns the index of the newest version in the set.
    pub(crate) const fn newest(self) -> usize {
        31 - (self.0 | 1).leading_zeros() as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Command,
    Event,
    Enum,
    Struct,
    Union,
    Alternate,
}

/// A command, an event or a type.
#[derive(Clone, Debug)]
pub(crate) struct Item<'a> {
    pub(crate) kind: Kind,
    pub(crate) name: &'a str,
    /// The schema file that defines it.
    pub(crate) module: &'a str,
    pub(crate) versions: Versions,
    pub(crate) since: Option<Number>,
    /// Whether it depends on the target or on the build options of QEMU.
    pub(crate) conditional: bool,
    pub(crate) features: Vec<Feature<'a>>,
    /// The version of the manual that has it, and its module there.
    pub(crate) manual: Option<(Number, &'a str)>,
    /// The tag of a union.
    pub(crate) tag: &'a str,
    /// The type of the arguments of a command or event, if that type has a name.
    pub(crate) arguments: Option<&'a str>,
    /// The type of a command's return value.
    pub(crate) returns: Option<&'a str>,
    pub(crate) allow_oob: bool,
    pub(crate) success_response: bool,
    /// Whether it accepts more arguments than the facts list.
    pub(crate) open: bool,
    /// Whether the storage daemon also has it.
    pub(crate) daemon: bool,
    /// The members of an object, or the forms of an alternate.
    pub(crate) members: Vec<Part<'a>>,
    pub(crate) values: Vec<Part<'a>>,
    pub(crate) branches: Vec<Part<'a>>,
}

/// A member, a value of an enum or a branch of a union.
#[derive(Clone, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) name: &'a str,
    /// Its type, such as `str` or `[str]`. Empty for a value.
    pub(crate) of: &'a str,
    pub(crate) versions: Versions,
    /// The versions in which it is optional.
    pub(crate) optional: Versions,
    pub(crate) since: Option<Number>,
    pub(crate) conditional: bool,
    pub(crate) features: Vec<Feature<'a>>,
    /// Whether the members of a branch are in the member `data`.
    pub(crate) wrapped: bool,
}

/// A feature and the versions that have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Feature<'a> {
    pub(crate) name: &'a str,
    pub(crate) versions: Versions,
}

impl<'a> Facts<'a> {
    /// Parses the file. Lines that are not facts are skipped; tests check that there are none.
    pub(crate) fn read(text: &'a str) -> Self {
        let mut facts = Self { versions: Vec::new(), items: Vec::new() };
        let mut module = "";
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "versions" => facts.versions = rest.split(' ').filter_map(number).collect(),
                "module" => module = rest,
                "=" | "." | "|" => facts.add_part(word, rest),
                _ => facts.add_item(word, module, rest),
            }
        }
        facts
    }

    /// Adds the item at the beginning of the text.
    pub(crate) fn add_item_of(&mut self, module: &'a str, text: &'a str) {
        let mut lines = text.lines();
        let Some((kind, rest)) = lines.next().and_then(|line| line.split_once(' ')) else { return };
        self.add_item(kind, module, rest);
        for line in lines {
            match line.split_once(' ') {
                Some((role @ ("=" | "." | "|"), rest)) => self.add_part(role, rest),
                _ => return,
            }
        }
    }

    fn add_item(&mut self, kind: &str, module: &'a str, rest: &'a str) {
        let kind = match kind {
            "command" => Kind::Command,
            "event" => Kind::Event,
            "enum" => Kind::Enum,
            "struct" => Kind::Struct,
            "union" => Kind::Union,
            "alternate" => Kind::Alternate,
            _ => return,
        };
        let mut words = rest.split(' ');
        let mut item = Item {
            kind,
            name: words.next().unwrap_or_default(),
            module,
            versions: Versions::first(self.versions.len()),
            since: None,
            conditional: false,
            features: Vec::new(),
            manual: None,
            tag: "",
            arguments: None,
            returns: None,
            allow_oob: false,
            success_response: true,
            open: false,
            daemon: false,
            members: Vec::new(),
            values: Vec::new(),
            branches: Vec::new(),
        };
        let mut features = Vec::new();
        while let Some(word) = words.next() {
            match word {
                "->" => item.returns = words.next(),
                "if" => item.conditional = true,
                "oob" => item.allow_oob = true,
                "no-success-response" => item.success_response = false,
                "open" => item.open = true,
                "daemon" => item.daemon = true,
                _ => {
                    if let Some(feature) = word.strip_prefix('#') {
                        features.push(feature);
                    } else if let Some(since) = word.strip_prefix("since=") {
                        item.since = number(since);
                    } else if let Some(tag) = word.strip_prefix("tag=") {
                        item.tag = tag;
                    } else if let Some(manual) = word.strip_prefix("manual=") {
                        let (version, place) = manual.split_once(':').unwrap_or((manual, module));
                        item.manual = number(version).map(|version| (version, place));
                    } else if let Some(arguments) = word.strip_prefix('(') {
                        item.arguments = arguments.strip_suffix(')');
                    } else {
                        item.versions = self.range(word);
                    }
                }
            }
        }
        item.features = self.features(&features, item.versions);
        self.items.push(item);
    }

    fn add_part(&mut self, role: &str, rest: &'a str) {
        let Some(item) = self.items.last() else { return };
        let mut words = rest.split(' ');
        let mut part = Part {
            name: words.next().unwrap_or_default(),
            of: if role == "=" { "" } else { words.next().unwrap_or_default() },
            versions: item.versions,
            optional: Versions::default(),
            since: None,
            conditional: false,
            features: Vec::new(),
            wrapped: false,
        };
        let (mut features, mut optional) = (Vec::new(), None);
        for word in words {
            match word {
                "if" => part.conditional = true,
                "data" => part.wrapped = true,
                _ => {
                    if let Some(feature) = word.strip_prefix('#') {
                        features.push(feature);
                    } else if let Some(range) = word.strip_prefix('?') {
                        optional = Some(range);
                    } else if let Some(since) = word.strip_prefix("since=") {
                        part.since = number(since);
                    } else {
                        part.versions = self.range(word);
                    }
                }
            }
        }
        part.optional = match optional {
            None => Versions::default(),
            Some("") => part.versions,
            Some(range) => self.range(range),
        };
        part.features = self.features(&features, part.versions);
        let Some(item) = self.items.last_mut() else { return };
        match role {
            "=" => item.values.push(part),
            "|" => item.branches.push(part),
            _ => item.members.push(part),
        }
    }

    fn features(&self, words: &[&'a str], all: Versions) -> Vec<Feature<'a>> {
        let feature = |word: &&'a str| match word.split_once('@') {
            Some((name, range)) => Feature { name, versions: self.range(range) },
            None => Feature { name: word, versions: all },
        };
        words.iter().map(feature).collect()
    }

    /// Parses ranges such as `7.2..`, `..10.0` and `7.2..10.0`, separated by commas.
    fn range(&self, text: &str) -> Versions {
        let at = |version: &str| {
            let wanted = number(version);
            self.versions.iter().position(|it| Some(*it) == wanted)
        };
        let mut all = 0;
        for run in text.split(',') {
            let Some((from, to)) = run.split_once("..") else { continue };
            let from = at(from).unwrap_or(0);
            let to = at(to).map_or(self.versions.len(), |at| at + 1);
            for version in from..to {
                all |= 1 << version;
            }
        }
        Versions(all)
    }
}

/// The module of the guest agent.
pub(crate) const AGENT: &str = "qga";

/// The manuals of the newest known version and of the one before it.
const MANUALS: [(Number, &str); 2] = [
    ((11, 1), "https://www.qemu.org/docs/master"),
    ((10, 0), "https://qemu.readthedocs.io/en/v10.0.3"),
];

/// Returns the link to an item in QEMU's manual.
pub(crate) fn manual(item: &Item<'_>) -> Option<String> {
    let (version, module) = item.manual?;
    let (_, place) = MANUALS.iter().find(|(it, _)| *it == version)?;
    let kind = match item.kind {
        Kind::Command => "command",
        Kind::Event => "event",
        Kind::Enum => "enum",
        Kind::Alternate => "alternate",
        Kind::Struct | Kind::Union => "object",
    };
    let (page, program) = match item.module {
        AGENT => ("qemu-ga-ref", "QGA"),
        _ => ("qemu-qmp-ref", "QMP"),
    };
    let name = item.name;
    Some(format!("{place}/interop/{page}.html#{kind}-{program}-{module}.{name}"))
}

/// Parses a version such as `7.2`.
pub(crate) fn number(text: &str) -> Option<Number> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
versions 5.2 7.2 10.0
module m
enum E since=2.9 manual=10.0
= a
= b 7.2.. since=6.1 if #deprecated@10.0..
union U 7.2.. tag=kind
. kind E
. x [str] ?10.0..
| a S data
command do-it (U) -> [E] since=1.0 oob #unstable daemon
. gone int ? ..5.2
event IT ..5.2,10.0.. manual=10.0:other
";

    #[test]
    fn parses_facts() {
        let facts = Facts::read(TEXT);
        let get = |name: &str| facts.items.iter().find(|item| item.name == name);
        assert_eq!(facts.versions, [(5, 2), (7, 2), (10, 0)]);
        let e = get("E").unwrap();
        assert_eq!((e.kind, e.module, e.since), (Kind::Enum, "m", Some((2, 9))));
        assert_eq!(e.manual, Some(((10, 0), "m")));
        assert_eq!(e.values[0].versions, Versions(0b111));
        let b = &e.values[1];
        assert_eq!((b.versions, b.since, b.conditional), (Versions(0b110), Some((6, 1)), true));
        assert_eq!(b.features, [Feature { name: "deprecated", versions: Versions(0b100) }]);
        let u = get("U").unwrap();
        assert_eq!((u.tag, u.versions, u.members.len()), ("kind", Versions(0b110), 2));
        assert_eq!((u.members[1].of, u.members[1].optional), ("[str]", Versions(0b100)));
        assert!(u.branches[0].wrapped && u.branches[0].versions == Versions(0b110));
        let command = get("do-it").unwrap();
        assert_eq!((command.arguments, command.returns), (Some("U"), Some("[E]")));
        assert!(command.allow_oob && command.success_response && command.daemon);
        assert_eq!(command.members[0].optional, Versions(0b001));
        let event = get("IT").unwrap();
        assert_eq!((event.versions, event.manual), (Versions(0b101), Some(((10, 0), "other"))));
        assert_eq!((event.versions.oldest(), event.versions.newest()), (0, 2));
        assert!(event.versions.has(2) && !event.versions.has(1) && !event.versions.is_empty());
        assert!(!event.versions.contains(Versions(0b010)));
    }
}
