//! Completion of a command's arguments.

use crate::complete::Candidates;
use crate::complete::live::{self, Live};
use crate::complete::place::Place;
use crate::words::Word;
use crate::words::word::Step;

/// The members whose values are names of files.
const FILES: [&str; 5] = ["filename", "file-name", "mem-path", "path", "snapshot-file"];

/// The commands whose `path` is not a file on the server's machine: it is an object's, or the guest's.
const OTHER_PATHS: [&str; 4] = ["qom-", "cxl-", "x-query-virtio-", "guest-"];

/// Completes an argument of a command, with those that are written already.
pub(super) fn complete(
    command: &str,
    written: &[&str],
    current: &str,
    live: &impl Live,
) -> Candidates {
    if is_file(current) {
        return Candidates::files();
    }
    let schema;
    let place = match Place::of(command, written) {
        Some(place) => Some(place),
        // A command that the vocabulary does not know may be newer.
        None if live.commands().iter().any(|it| it == command) => {
            schema = live.schema();
            schema.as_deref().and_then(|schema| Place::within(schema, command, written))
        }
        None => None,
    };
    let Some(place) = place else { return Candidates::default() };
    let mut candidates = place.complete(current);
    match current.split_once('=') {
        Some((key, _)) => add_values(&mut candidates, command, written, key, live),
        None if command == "device_add" => {
            if let Some(driver) = written.iter().find_map(|word| word.strip_prefix("driver=")) {
                let is_new = |(name, _): &(String, String)| {
                    let key = format!("{name}=");
                    !written.iter().any(|word| word.starts_with(&key))
                        && candidates.list.iter().all(|it| it.text != key)
                };
                let properties: Vec<_> =
                    live.properties(driver).into_iter().filter(is_new).collect();
                let properties = properties.into_iter();
                candidates.list.extend(
                    Candidates::of(properties.map(|(name, about)| (format!("{name}="), about)))
                        .list,
                );
            }
        }
        None => {}
    }
    candidates
}

/// Completes a member of an action of a transaction.
pub(super) fn complete_action(
    action: &str,
    written: &[&str],
    current: &str,
    live: &impl Live,
) -> Candidates {
    if is_file(current) {
        return Candidates::files();
    }
    let mut candidates = in_transaction(action, written, current);
    if let Some((key, _)) = current.split_once('=') {
        add_values(&mut candidates, action, written, key, live);
    }
    candidates
}

/// Whether the value of a word comes from a file.
fn is_file(word: &str) -> bool {
    word.split_once('=').is_some_and(|(_, value)| value.starts_with('@'))
}

/// The names of the actions of a transaction, each with a word about it.
pub(super) fn actions() -> Vec<(String, String)> {
    const TYPE: &str = "actions[].type=";
    let Some(place) = Place::of("transaction", &[]) else { return Vec::new() };
    let candidates = place.complete(TYPE).list.into_iter();
    candidates.map(|it| (it.text.trim_start_matches(TYPE).to_owned(), it.about)).collect()
}

/// The names of a command's or an action's required members that are not written yet.
pub(super) fn missing(command: &str, written: &[&str], is_action: bool) -> Vec<String> {
    let mut missing = Vec::new();
    match is_action {
        true => {
            if let Some(place) = action_place(command, written) {
                place.missing(DATA, &mut missing);
            }
            missing.iter_mut().for_each(|it| *it = it.trim_start_matches(DATA).to_owned());
        }
        false => {
            if let Some(place) = Place::of(command, written) {
                place.missing("", &mut missing);
            }
        }
    }
    missing
}

/// Where the members of an action are in the arguments of the command `transaction`.
const DATA: &str = "actions[0].data.";

/// Completes a member of an action as what it is: a member of the command `transaction`.
fn in_transaction(action: &str, written: &[&str], current: &str) -> Candidates {
    let Some(place) = action_place(action, written) else { return Candidates::default() };
    let mut candidates = place.complete(&format!("{DATA}{current}"));
    for candidate in &mut candidates.list {
        candidate.text = candidate.text.trim_start_matches(DATA).to_owned();
    }
    candidates
}

fn action_place(action: &str, written: &[&str]) -> Option<Place<'static>> {
    let written = written.iter().map(|word| format!("{DATA}{word}"));
    let all: Vec<_> = std::iter::once(format!("actions[0].type={action}")).chain(written).collect();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    Place::of("transaction", &all)
}

/// Adds what the server has to the values that a key can have.
fn add_values(
    candidates: &mut Candidates,
    command: &str,
    written: &[&str],
    key: &str,
    live: &impl Live,
) {
    let word = format!("{}=", key.strip_suffix(':').unwrap_or(key));
    let Ok(word) = Word::parse(&word) else { return };
    let names = word.path.iter().rev();
    let name = names.filter_map(|step| if let Step::Name(name) = step { Some(name) } else { None });
    let Some(name) = name.clone().next() else { return };
    candidates.paths = FILES.contains(&name.as_str())
        && !OTHER_PATHS.iter().any(|start| command.starts_with(start));
    let ids = match live::kind_of(command, name) {
        Some(kind) => live.ids(kind),
        None if (command, name.as_str()) == ("device_add", "driver") => live.drivers(),
        None => return,
    };
    // One that is written already is seldom meant again.
    let ids = ids.into_iter().map(|(id, about)| (format!("{key}={id}"), about));
    let ids = ids.filter(|(text, _)| !written.contains(&text.as_str()));
    candidates.list.extend(Candidates::of(ids).list);
}

/// The names of the members of a command or an action, of all branches and nested ones.
#[cfg(test)]
pub(super) fn names(command: &str) -> std::collections::HashSet<String> {
    use crate::words::Typing;
    use qmp_blocking::types::describe::{Kind, Type};
    let (mut names, mut seen) =
        (std::collections::HashSet::new(), std::collections::HashSet::new());
    let (mut objects, mut types) = (Vec::new(), Vec::new());
    let place = match Place::of(command, &[]) {
        Some(place) => {
            objects.push(place.object.clone());
            place
        }
        None => {
            let place = action_place(command, &[]).unwrap();
            let members = place.members(DATA).unwrap();
            names.extend(members.into_iter().map(|(member, _)| member.name));
            place
        }
    };
    loop {
        if let Some(object) = objects.pop() {
            names.extend(object.members.iter().map(|member| member.name.clone()));
            types.extend(object.members.into_iter().map(|member| member.r#type));
            objects.extend(object.branches.into_iter().map(|branch| branch.object));
        } else if let Some(of) = types.pop() {
            match (&of, place.typing.kind(&Typing::known(0, &of))) {
                (Type::List(of), _) => types.push((**of).clone()),
                (Type::Named(name), Some(kind)) if seen.insert(name.clone()) => match kind {
                    Kind::Object(object) => objects.push(object),
                    Kind::Alternate(forms) => types.extend(forms),
                    _ => {}
                },
                _ => {}
            }
        } else {
            return names;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::complete::Offline;

    fn texts(line: &str) -> Vec<String> {
        let words: Vec<_> = line.split(' ').collect();
        let (current, before) = words.split_last().unwrap();
        let candidates = complete(before[0], &before[1..], current, &Offline);
        let texts = candidates.list.into_iter().map(|it| it.text);
        texts.filter(|it| it.starts_with(current)).collect()
    }

    #[test]
    fn members_follow_the_tag() {
        assert_eq!(texts("blockdev-add ")[0], "driver=");
        assert_eq!(texts("blockdev-add driver=qco"), ["driver=qcow", "driver=qcow2"]);
        let of_qcow2 = texts("blockdev-add driver=qcow2 ");
        assert_eq!(of_qcow2[..2], ["file.", "file="], "what is required comes first");
        assert!(of_qcow2.contains(&"backing=".into()) && !of_qcow2.contains(&"driver=".into()));
        // What is begun can be continued.
        let begun = texts("blockdev-add driver=qcow2 file.driver=file ");
        assert_eq!(begun[0], "file.");
        assert!(!begun.contains(&"file=".into()));
        assert_eq!(texts("blockdev-add driver=qcow2 file.driver=file file.")[0], "file.filename=");
        assert_eq!(texts("blockdev-add driver=qcow2 file.dri"), ["file.driver="]);
        assert_eq!(
            texts("blockdev-add driver=qcow2 file.driver=file file.filen"),
            ["file.filename="]
        );
        assert_eq!(
            texts("blockdev-add driver=raw read-only="),
            ["read-only=true", "read-only=false"]
        );
    }

    #[test]
    fn lists_and_objects_have_their_signs() {
        assert!(texts("guest-exec ").contains(&"arg[]=".into()));
        assert!(texts("chardev-add ").contains(&"backend.".into()));
        assert_eq!(texts("send-key k"), ["keys[]."]);
        assert_eq!(texts("send-key keys[].type=qcode k"), ["keys[0].", "keys[]."]);
        assert_eq!(texts("transaction actions[].ty"), ["actions[].type="]);
        assert_eq!(texts("transaction actions[].type=abo"), ["actions[].type=abort"]);
        assert!(texts("no-such-command ").is_empty());
    }

    #[test]
    fn required_members_are_missing_until_they_are_written() {
        let of = |command: &str, written: &[&str]| missing(command, written, false);
        assert_eq!(of("device_del", &[]), ["id="]);
        assert!(of("device_del", &["id=x"]).is_empty());
        assert_eq!(of("blockdev-add", &["driver=qcow2"]), ["file"]);
        assert_eq!(of("blockdev-add", &["driver=qcow2", "file.driver=file"]), ["file.filename="]);
        assert!(of("blockdev-add", &["driver=qcow2", "file=d0"]).is_empty());
        assert_eq!(
            of("migrate-set-capabilities", &["capabilities[].state=on"]),
            ["capabilities[0].capability="]
        );
        assert!(of("query-status", &[]).is_empty());
        assert_eq!(missing("blockdev-snapshot", &["node=a"], true), ["overlay="]);
    }

    #[test]
    fn actions_have_the_members_of_their_data() {
        assert!(actions().iter().any(|(name, _)| name == "blockdev-snapshot-sync"));
        let of = |current: &str| {
            let list = complete_action("blockdev-backup", &["device=d0"], current, &Offline).list;
            list.into_iter().map(|it| it.text).collect::<Vec<_>>()
        };
        assert_eq!(of("")[0], "sync=");
        assert!(!of("").contains(&"device=".to_owned()));
        assert!(of("sync=").contains(&"sync=full".to_owned()));
    }
}
