//! Which members name something that the server has, and how to ask for it.

use std::rc::Rc;

use qmp_blocking::types::schema::Schema;
use serde_json::{Value, json};

/// What a server knows beyond the vocabulary. Without a server, nothing.
pub(crate) trait Live {
    /// The ids of all things of a kind, each with a word about it.
    fn ids(&self, _: Kind) -> Vec<(String, String)> {
        Vec::new()
    }

    /// The commands that the server has.
    fn commands(&self) -> Vec<String> {
        Vec::new()
    }

    /// The description of all commands of the server.
    fn schema(&self) -> Option<Rc<Schema>> {
        None
    }

    /// The devices that can be added, each with a word about it.
    fn drivers(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// The properties of such a device, each with its type.
    fn properties(&self, _driver: &str) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// A kind of things that have ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Bitmap,
    Chardev,
    Device,
    Disk,
    Export,
    FdSet,
    IoThread,
    Job,
    Node,
    Object,
    Snapshot,
}

use Kind::{Bitmap, Chardev, Device, Disk, Export, FdSet, IoThread, Job, Node, Object, Snapshot};

/// The members of commands and of actions that name a thing, nested ones too. `*` at the end of a
/// command stands for anything. The first entry that matches counts.
const MEMBERS: [(&str, &str, Kind); 69] = [
    ("add-fd", "fdset-id", FdSet),
    ("remove-fd", "fdset-id", FdSet),
    ("block-export-add", "node-name", Node),
    ("block-export-del", "id", Export),
    ("block-dirty-bitmap-add", "node", Node),
    ("block-dirty-bitmap-merge", "target", Bitmap),
    ("block-dirty-bitmap-merge", "bitmaps", Bitmap),
    ("block-dirty-bitmap-*", "node", Node),
    ("block-dirty-bitmap-*", "name", Bitmap),
    ("block-job-*", "device", Job),
    ("block-job-*", "id", Job),
    ("block-latency-histogram-set", "id", Device),
    ("block_resize", "device", Disk),
    ("block_resize", "node-name", Node),
    ("block_set_io_throttle", "id", Device),
    ("block_set_io_throttle", "device", Disk),
    ("block-*", "device", Node),
    ("block-*", "top-node", Node),
    ("block-*", "base-node", Node),
    ("block-*", "node-name", Node),
    ("blockdev-add", "file", Node),
    ("blockdev-add", "backing", Node),
    ("blockdev-add", "throttle-group", Object),
    ("blockdev-backup", "bitmap", Bitmap),
    ("blockdev-mirror", "replaces", Node),
    ("blockdev-snapshot-sync", "node-name", Node),
    ("blockdev-snapshot", "overlay", Node),
    ("blockdev-snapshot-delete-internal-sync", "name", Snapshot),
    ("blockdev-close-tray", "id", Device),
    ("blockdev-open-tray", "id", Device),
    ("blockdev-change-medium", "id", Device),
    ("blockdev-insert-medium", "id", Device),
    ("blockdev-remove-medium", "id", Device),
    ("blockdev-*", "device", Node),
    ("blockdev-*", "node", Node),
    ("blockdev-*", "node-name", Node),
    ("blockdev-*", "target", Node),
    ("change-backing-file", "device", Node),
    ("change-backing-file", "image-node-name", Node),
    ("chardev-*", "id", Chardev),
    ("drive-*", "device", Node),
    ("drive-backup", "bitmap", Bitmap),
    ("ringbuf-*", "device", Chardev),
    ("device_add", "drive", Node),
    ("device*", "id", Device),
    ("eject", "device", Disk),
    ("eject", "id", Device),
    ("input-send-event", "device", Device),
    ("job-*", "id", Job),
    ("nbd-server-add", "device", Node),
    ("nbd-server-remove", "name", Export),
    ("object-del", "id", Object),
    ("query-rx-filter", "name", Device),
    ("screendump", "device", Device),
    ("set_link", "name", Device),
    ("snapshot-*", "vmstate", Node),
    ("snapshot-*", "devices", Node),
    ("snapshot-*", "tag", Snapshot),
    ("x-blockdev-change", "parent", Node),
    ("x-blockdev-change", "node", Node),
    ("x-blockdev-*", "node-name", Node),
    ("yank", "id", Chardev),
    ("yank", "node-name", Node),
    ("*", "chardev", Chardev),
    ("*", "iothread", IoThread),
    ("*", "key-secret", Object),
    ("*", "memdev", Object),
    ("*", "password-secret", Object),
    ("*", "tls-creds", Object),
];

/// The names of new things, which are not those of things that exist.
const NEW: [(&str, &str); 5] = [
    ("block-dirty-bitmap-add", "name"),
    ("blockdev-add", "node-name"),
    ("chardev-add", "id"),
    ("device_add", "id"),
    ("snapshot-save", "tag"),
];

/// Returns what the last member of a path names.
pub(crate) fn kind_of(command: &str, member: &str) -> Option<Kind> {
    if NEW.contains(&(command, member)) {
        return None;
    }
    let entry = MEMBERS.iter().find(|(pattern, name, _)| {
        *name == member
            && match pattern.strip_suffix('*') {
                Some(start) => command.starts_with(start),
                None => command == *pattern,
            }
    });
    entry.map(|(.., kind)| *kind)
}

impl Kind {
    /// Returns the command that lists these things, with its arguments.
    pub(crate) fn question(self) -> (&'static str, Value) {
        let none = json!({});
        match self {
            Bitmap | Node | Snapshot => ("query-named-block-nodes", json!({"flat": true})),
            Chardev => ("query-chardev", none),
            Device => ("qom-list", json!({"path": "/machine/peripheral"})),
            Disk => ("query-block", none),
            Export => ("query-block-exports", none),
            FdSet => ("query-fdsets", none),
            IoThread => ("query-iothreads", none),
            Job => ("query-jobs", none),
            Object => ("qom-list", json!({"path": "/objects"})),
        }
    }

    /// Returns the ids in the server's reply, each with a word about it.
    pub(crate) fn ids(self, reply: &Value) -> Vec<(String, String)> {
        let list = reply.as_array().map(Vec::as_slice).unwrap_or_default();
        let mut ids: Vec<_> = match self {
            Bitmap => within(list, "/dirty-bitmaps", "name"),
            Snapshot => within(list, "/image/snapshots", "name"),
            Chardev => pairs(list, "label", "filename"),
            Disk => pairs(list, "device", "qdev"),
            Export => pairs(list, "id", "type"),
            FdSet => pairs(list, "fdset-id", ""),
            IoThread => pairs(list, "id", ""),
            Job => pairs(list, "id", "status"),
            Node => pairs(list, "node-name", "drv"),
            Device | Object => {
                let mut children = pairs(list, "name", "type");
                children.retain(|(_, about)| about.starts_with("child<"));
                for (_, about) in &mut children {
                    *about = about.trim_start_matches("child<").trim_end_matches('>').to_owned();
                }
                children
            }
        };
        ids.retain(|(id, _)| !id.is_empty());
        ids.sort();
        ids.dedup();
        ids
    }
}

/// Two members of each element.
fn pairs(list: &[Value], id: &str, about: &str) -> Vec<(String, String)> {
    list.iter().map(|it| (text(&it[id]), text(&it[about]))).collect()
}

/// The ids in lists that the elements have.
fn within(list: &[Value], pointer: &str, id: &str) -> Vec<(String, String)> {
    let inner = list.iter().filter_map(|node| {
        let of = text(&node["node-name"]);
        Some((of, node.pointer(pointer)?.as_array()?))
    });
    inner.flat_map(|(of, list)| list.iter().map(move |it| (text(&it[id]), of.clone()))).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qmp_blocking::types::describe::{BuiltIn, Vocabulary};

    #[test]
    fn each_entry_matches_a_command_or_an_action_that_has_the_member() {
        let actions = super::super::members::actions();
        let actions = actions.iter().map(|(name, _)| name.as_str());
        let names: Vec<_> = BuiltIn.commands().into_iter().chain(actions).collect();
        for (pattern, member, _) in MEMBERS {
            let of = names.iter().filter(|name| match pattern.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => **name == pattern,
            });
            // The properties of a device are not in the vocabulary.
            let has = |command: &&&str| {
                **command == "device_add" || super::super::members::names(command).contains(member)
            };
            assert!(of.clone().any(|it| has(&it)), "{pattern} {member}");
        }
        for (command, member) in NEW {
            assert!(super::super::members::names(command).contains(member), "{command} {member}");
            assert_eq!(kind_of(command, member), None);
        }
        assert_eq!(kind_of("device_del", "id"), Some(Device));
        assert_eq!(kind_of("block-stream", "device"), Some(Node));
        assert_eq!(kind_of("block-job-cancel", "device"), Some(Job));
    }

    #[test]
    fn replies_become_ids() {
        let nodes = json!([
            {"node-name": "d0", "drv": "qcow2", "dirty-bitmaps": [{"name": "b0"}],
             "image": {"snapshots": [{"name": "s0"}]}},
            {"node-name": "d1", "drv": "raw"}
        ]);
        let ids = |kind: Kind, reply: &Value| {
            let ids = kind.ids(reply).into_iter();
            ids.map(|(id, about)| format!("{id} {about}")).collect::<Vec<_>>()
        };
        assert_eq!(ids(Node, &nodes), ["d0 qcow2", "d1 raw"]);
        assert_eq!(ids(Bitmap, &nodes), ["b0 d0"]);
        assert_eq!(ids(Snapshot, &nodes), ["s0 d0"]);
        let children = json!([
            {"name": "type", "type": "string"},
            {"name": "net0", "type": "child<virtio-net-pci>"}
        ]);
        assert_eq!(ids(Device, &children), ["net0 virtio-net-pci"]);
        assert_eq!(ids(FdSet, &json!([{"fdset-id": 3, "fds": []}])), ["3 "]);
        assert!(ids(Job, &json!({"no": "list"})).is_empty());
    }
}
