//! Properties that follow from the facts: directions, names in Rust, boxes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use super::{flat, names, notes};
use crate::vocabulary::facts::{Facts, Item, Kind, Part};

/// The agent's module.
pub(super) use crate::vocabulary::facts::AGENT;

/// Members that are always base64, as `type.member`. Each was checked in QEMU's source. `ringbuf-*` is
/// not in the table, because its data is plain text by default.
const BASE64: [&str; 25] = [
    "EbpfObject.object",
    "FirmwareLog.log",
    "GuestExecStatus.err-data",
    "GuestExecStatus.out-data",
    "GuestFileRead.buf-b64",
    "SevAttestationReport.data",
    "SevCapability.cert-chain",
    "SevCapability.cpu0-id",
    "SevCapability.pdh",
    "SevLaunchMeasureInfo.data",
    "SevSnpGuestProperties.guest-visible-workarounds",
    "SevSnpGuestProperties.host-data",
    "SevSnpGuestProperties.id-auth",
    "SevSnpGuestProperties.id-block",
    "TdxGuestProperties.mrconfigid",
    "TdxGuestProperties.mrowner",
    "TdxGuestProperties.mrownerconfig",
    "get-win32-socket.info",
    "guest-exec.input-data",
    "guest-file-write.buf-b64",
    "guest-set-user-password.password",
    "inject-ghes-v2-error.cper",
    "query-sev-attestation-report.mnonce",
    "sev-inject-launch-secret.packet-header",
    "sev-inject-launch-secret.secret",
];

/// Commands that are implemented by hand.
const BY_HAND: [&str; 1] = ["device_add"];

pub(super) struct Model<'f> {
    pub(super) facts: &'f Facts<'f>,
    by_name: BTreeMap<&'f str, &'f Item<'f>>,
    received: BTreeSet<&'f str>,
    /// Branches that are newer than the value of their tag, so all their members are optional.
    younger: BTreeSet<&'f str>,
    /// Members that contain their own type.
    boxed: BTreeSet<(&'f str, &'f str)>,
    rust_names: BTreeMap<&'f str, String>,
}

impl<'f> Model<'f> {
    pub(super) fn new(facts: &'f Facts<'f>) -> Result<Self> {
        let by_name = facts.items.iter().map(|item| (item.name, item)).collect();
        let mut model = Self {
            facts,
            by_name,
            received: BTreeSet::new(),
            younger: BTreeSet::new(),
            boxed: BTreeSet::new(),
            rust_names: BTreeMap::new(),
        };
        model.find_received();
        model.find_younger();
        model.find_boxes();
        model.name_all()?;
        model.check_tables()?;
        flat::check(&model)?;
        Ok(model)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'f Item<'f>> {
        self.by_name.get(name).copied()
    }

    pub(super) fn is_by_hand(&self, item: &Item<'_>) -> bool {
        BY_HAND.contains(&item.name)
    }

    pub(super) fn is_received(&self, item: &Item<'_>) -> bool {
        self.received.contains(item.name)
    }

    pub(super) fn is_boxed(&self, item: &Item<'_>, part: &Part<'_>) -> bool {
        self.boxed.contains(&(item.name, part.name))
    }

    pub(super) fn is_base64(item: &Item<'_>, part: &Part<'_>) -> bool {
        BASE64.contains(&format!("{}.{}", item.name, part.name).as_str())
    }

    pub(super) fn rust_name(&self, name: &str) -> &str {
        self.rust_names.get(name).map_or("", String::as_str)
    }

    /// Returns the enum of a union's branches.
    pub(super) fn branches_name(&self, item: &Item<'_>) -> String {
        let name = format!("{}{}", self.rust_name(item.name), names::camel(item.tag));
        if self.rust_names.values().any(|other| *other == name) { name + "Branch" } else { name }
    }

    /// Returns whether every version has a member and requires it.
    pub(super) fn is_required(&self, item: &Item<'_>, part: &Part<'_>) -> bool {
        // `-compat` lets QEMU leave these out.
        let hidden = self.is_received(item)
            && part.features.iter().any(|it| ["deprecated", "unstable"].contains(&it.name));
        part.optional.is_empty()
            && part.versions.contains(item.versions)
            && !part.conditional
            && !hidden
            && !self.younger.contains(item.name)
    }

    /// Returns whether `null` is a value of a type.
    pub(super) fn takes_null(&self, of: &str) -> bool {
        of == "any"
            || of == "null"
            || self.get(of).is_some_and(|item| {
                item.kind == Kind::Alternate && item.members.iter().any(|form| form.of == "null")
            })
    }

    fn find_received(&mut self) {
        for item in &self.facts.items {
            match item.kind {
                Kind::Command => self.receive(item.returns.into_iter().collect()),
                Kind::Event => {
                    self.received.insert(item.name);
                    let data = item.members.iter().map(|it| it.of).chain(item.arguments);
                    self.receive(data.collect());
                }
                _ => {}
            }
        }
    }

    fn receive(&mut self, mut names: Vec<&'f str>) {
        while let Some(name) = names.pop() {
            let Some(item) = self.get(plain(name)) else { continue };
            if self.received.insert(item.name) {
                names.extend(item.members.iter().chain(&item.branches).map(|part| part.of));
            }
        }
    }

    fn find_younger(&mut self) {
        for union in self.facts.items.iter().filter(|item| item.kind == Kind::Union) {
            let Some(tag) = union.members.iter().find(|member| member.name == union.tag) else {
                continue;
            };
            let values = self.get(tag.of);
            for branch in &union.branches {
                let younger = (0..self.facts.versions.len()).any(|version| {
                    let tagged = union.versions.has(version) && tag.versions.has(version);
                    let value = values.is_none_or(|values| {
                        !values.versions.has(version)
                            || values
                                .values
                                .iter()
                                .any(|it| it.name == branch.name && it.versions.has(version))
                    });
                    tagged && value && !branch.versions.has(version)
                });
                if younger {
                    self.younger.insert(plain(branch.of));
                }
            }
        }
    }

    /// Finds the members whose type contains the item itself, so that they need a box. The objects in
    /// an alternate are always boxed.
    fn find_boxes(&mut self) {
        for item in &self.facts.items {
            for part in item.members.iter().chain(&item.branches) {
                if item.kind != Kind::Alternate && self.contains(part.of, item.name) {
                    self.boxed.insert((item.name, part.name));
                }
            }
        }
    }

    fn contains(&self, of: &'f str, wanted: &str) -> bool {
        let (mut names, mut seen) = (vec![of], BTreeSet::new());
        while let Some(name) = names.pop() {
            if name == wanted {
                return true;
            }
            let Some(item) = self.get(name) else { continue };
            if seen.insert(name) && item.kind != Kind::Alternate {
                names.extend(item.members.iter().chain(&item.branches).map(|part| part.of));
            }
        }
        false
    }

    fn name_all(&mut self) -> Result<()> {
        let mut taken: BTreeMap<(bool, String), &str> = BTreeMap::new();
        for item in &self.facts.items {
            let name = match item.kind {
                Kind::Command => names::camel(item.name),
                Kind::Event => names::event(item.name),
                _ => self.type_name(item),
            };
            // A command whose arguments have the same name is that type.
            let same = item.kind == Kind::Command && item.arguments == Some(name.as_str());
            let space = item.kind == Kind::Event;
            if !same {
                if let Some(other) = taken.insert((space, name.clone()), item.name) {
                    bail!("{} and {other} are both called {name}", item.name);
                }
            }
            self.rust_names.insert(item.name, name);
        }
        Ok(())
    }

    /// An entry that matches nothing is an error.
    fn check_tables(&self) -> Result<()> {
        for entry in BASE64.iter().chain(notes::NOTES.iter().map(|(name, _)| name)) {
            let (item, part) = entry.split_once('.').unwrap_or((entry, ""));
            let known = self.get(item).is_some_and(|item| {
                let mut parts = item.members.iter().chain(&item.values).chain(&item.branches);
                part.is_empty() || parts.any(|it| it.name == part)
            });
            if !known {
                bail!("{entry} is in a table of the generator, and in no version of QEMU");
            }
        }
        Ok(())
    }

    /// A reply of the agent may have the name of its command.
    fn type_name(&self, item: &Item<'_>) -> String {
        let is_reply = self.facts.items.iter().any(|command| {
            command.kind == Kind::Command
                && names::camel(command.name) == item.name
                && command.arguments != Some(item.name)
        });
        let name = item.name.replace('_', "");
        let name = if is_reply { format!("{name}Reply") } else { name };
        let (first, rest) = name.split_at(1);
        first.to_ascii_uppercase() + rest
    }
}

/// Returns the type without the brackets of a list.
pub(super) fn plain(of: &str) -> &str {
    of.trim_start_matches('[').trim_end_matches(']')
}
