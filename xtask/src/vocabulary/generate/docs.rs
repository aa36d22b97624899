//! The documentation of each item, from its facts and from the descriptions in `notes`.

use std::fmt::Write;

use super::notes;
use crate::vocabulary::facts::{self, Facts, Feature, Item, Kind, Number, Part, Versions};

pub(super) struct Docs<'f> {
    pub(super) facts: &'f Facts<'f>,
}

impl Docs<'_> {
    /// Returns the documentation of an item. The first paragraph contains its name.
    pub(super) fn item(&self, item: &Item<'_>, more: &[String]) -> String {
        let kind = match item.kind {
            Kind::Command => "The command",
            Kind::Event => "The event",
            Kind::Enum => "The enum",
            Kind::Struct => "The struct",
            Kind::Union => "The union",
            Kind::Alternate => "The alternate",
        };
        let mut first = format!("{kind} `{}`", item.name);
        let all = Versions::first(self.facts.versions.len());
        self.age(&mut first, item.versions, all, item.since, true);
        first.push('.');
        let mut paragraphs = vec![first];
        paragraphs.extend(notes::about(item.name).map(str::to_owned));
        paragraphs.extend(more.iter().cloned());
        if item.daemon {
            paragraphs.push("Also supported by the storage daemon.".into());
        }
        if item.conditional {
            paragraphs.push("Depends on the target and on the build options of QEMU.".into());
        }
        paragraphs.extend(self.features(&item.features, item.versions));
        paragraphs.extend(manual(item));
        let lines = paragraphs.join("\n\n");
        lines.lines().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{}", format!("/// {line}").trim_end());
            text
        })
    }

    /// Returns the documentation of a member, value or branch.
    pub(super) fn part(&self, item: &Item<'_>, part: &Part<'_>) -> String {
        let mut text = format!("/// `{}`", part.name);
        self.part_age(&mut text, item, part);
        text.push('.');
        for line in self.features(&part.features, part.versions) {
            let _ = write!(text, " {line}");
        }
        if let Some(note) = notes::about(&format!("{}.{}", item.name, part.name)) {
            let _ = write!(text, "\n///\n/// {note}");
        }
        text.push('\n');
        text
    }

    /// Returns the documentation of the method that sets a member.
    pub(super) fn setter(&self, item: &Item<'_>, part: &Part<'_>) -> String {
        let mut text = format!("/// Sets `{}`", part.name);
        self.part_age(&mut text, item, part);
        text.push_str(".\n");
        text
    }

    fn part_age(&self, text: &mut String, item: &Item<'_>, part: &Part<'_>) {
        self.age(text, part.versions, item.versions, part.since, false);
        let required = Versions(part.versions.0 & !part.optional.0);
        let sometimes = !part.versions.contains(item.versions) || !part.optional.is_empty();
        if sometimes && !part.of.is_empty() && required.has(item.versions.newest()) {
            let first = required.oldest();
            let _ = write!(text, ", required since {}", self.version(first));
        }
    }

    /// Writes for example `, since QEMU 7.0, removed by 10.0`.
    fn age(
        &self,
        text: &mut String,
        versions: Versions,
        all: Versions,
        since: Option<Number>,
        always: bool,
    ) {
        let (first, last) = (versions.oldest(), versions.newest());
        let younger = first > all.oldest();
        match since {
            Some((major, minor)) if younger || always => {
                let _ = write!(text, ", since QEMU {major}.{minor}");
            }
            _ if younger => {
                let before = self.version(first - 1);
                let _ = write!(
                    text,
                    ", since QEMU {} or earlier, not in {before}",
                    self.version(first)
                );
            }
            _ => {}
        }
        if last < all.newest() {
            let _ = write!(text, ", removed by {}", self.version(last + 1));
        }
    }

    /// Returns one sentence per feature.
    fn features(&self, features: &[Feature<'_>], all: Versions) -> Vec<String> {
        let sentence = |feature: &Feature<'_>| {
            let name = match feature.name {
                "deprecated" => "Deprecated".to_owned(),
                "unstable" => "Unstable".to_owned(),
                name => format!("Has the feature `{name}`"),
            };
            let first = feature.versions.oldest();
            if feature.versions == all || first == all.oldest() {
                format!("{name}.")
            } else {
                format!("{name} in QEMU {}.", self.version(first))
            }
        };
        features.iter().map(sentence).collect()
    }

    fn version(&self, at: usize) -> String {
        let (major, minor) = self.facts.versions.get(at).copied().unwrap_or_default();
        format!("{major}.{minor}")
    }
}

fn manual(item: &Item<'_>) -> Option<String> {
    facts::manual(item).map(|link| format!("[QEMU's manual]({link})"))
}
