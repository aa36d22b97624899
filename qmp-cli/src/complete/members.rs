//! Completion of a command's arguments.

use qmp_blocking::types::describe::{BuiltIn, Kind, Member, Object, Type, Vocabulary};

use crate::complete::live::{self, Live};
use crate::complete::{Candidate, Candidates, history};
use crate::words::typing::{Known, escaped, member};
use crate::words::word::Step;
use crate::words::{Node, Typing, Value, Word};

/// The members whose values are names of files.
const FILES: [&str; 4] = ["filename", "file-name", "path", "snapshot-file"];

/// Completes an argument of a command, with those that are written already.
pub(super) fn complete(
    command: &str,
    written: &[&str],
    current: &str,
    live: &impl Live,
) -> Candidates {
    let Some(Kind::Command { arguments, .. }) = BuiltIn.describe(command).map(|it| it.kind) else {
        return Candidates::default();
    };
    let mut candidates = Place::new(arguments, written).complete(current);
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
    let mut candidates = in_transaction(action, written, current);
    if let Some((key, _)) = current.split_once('=') {
        add_values(&mut candidates, action, written, key, live);
    }
    candidates
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
    let candidates = match is_action {
        true => in_transaction(command, written, ""),
        false => Place::of(command, written).map(|it| it.complete("")).unwrap_or_default(),
    };
    let list = candidates.list.into_iter().filter(|it| it.is_required).map(|it| it.text);
    // Of an object, one of its members is written first.
    let is_begun = |text: &str| {
        let name = text.trim_end_matches(['=', ':', '.', '[', ']']);
        written.iter().any(|word| {
            word.strip_prefix(name).is_some_and(|rest| rest.starts_with(['=', ':', '.', '[']))
        })
    };
    list.filter(|text| !is_begun(text)).collect()
}

/// Completes a member of an action as what it is: a member of the command `transaction`.
fn in_transaction(action: &str, written: &[&str], current: &str) -> Candidates {
    const DATA: &str = "actions[0].data.";
    let written = written.iter().map(|word| format!("{DATA}{word}"));
    let all: Vec<_> = std::iter::once(format!("actions[0].type={action}")).chain(written).collect();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    let Some(place) = Place::of("transaction", &all) else { return Candidates::default() };
    let mut candidates = place.complete(&format!("{DATA}{current}"));
    for candidate in &mut candidates.list {
        candidate.text = candidate.text.trim_start_matches(DATA).to_owned();
    }
    candidates
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
    candidates.paths = FILES.contains(&name.as_str());
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

/// An object of the arguments, and what is written of it.
struct Place {
    typing: Typing<'static>,
    object: Object,
    written: Node,
}

impl Place {
    fn of(command: &str, words: &[&str]) -> Option<Self> {
        match BuiltIn.describe(command)?.kind {
            Kind::Command { arguments, .. } => Some(Self::new(arguments, words)),
            _ => None,
        }
    }

    fn complete(&self, current: &str) -> Candidates {
        match current.split_once('=') {
            Some((_, value)) if value.starts_with('@') => Candidates::files(),
            Some((key, _)) => self.values(key).unwrap_or_default(),
            None => self.names(current).unwrap_or_default(),
        }
    }

    fn new(object: Object, words: &[&str]) -> Self {
        let mut written = Node::Object(Vec::new());
        for word in words.iter().filter_map(|word| Word::parse(word).ok()) {
            let value = match word.value {
                Value::Text(text) => Node::Text(text.to_owned()),
                Value::Json(json) => Node::Json(json.to_owned()),
                _ => Node::Text(String::new()),
            };
            let _ = written.set(word.key, &word.path, value);
        }
        Self { typing: Typing::new(vec![&BuiltIn], &[]), object, written }
    }

    /// The values that the member of this key can have.
    fn values(&self, key: &str) -> Option<Candidates> {
        let word = format!("{}=", key.strip_suffix(':').unwrap_or(key));
        let (known, _) = self.find(&Word::parse(&word).ok()?.path)?;
        let values = self.values_of(&known);
        Some(Candidates::of(
            values.into_iter().map(|(value, about)| (format!("{key}={value}"), about)),
        ))
    }

    fn values_of(&self, known: &Known) -> Vec<(String, String)> {
        if known.of == Type::Bool {
            return ["true", "false"].map(|it| (it.to_owned(), String::new())).into();
        }
        match self.typing.kind(known) {
            Some(Kind::Enum(values)) => {
                values.into_iter().map(|it| (it.name, history(&it.history))).collect()
            }
            Some(Kind::Alternate(forms)) => {
                forms.iter().flat_map(|of| self.values_of(&Typing::known(0, of))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The names of members that can follow.
    fn names(&self, current: &str) -> Option<Candidates> {
        let parent = current.rfind('.').map_or("", |dot| &current[..dot]);
        let (object, written, prefix) = match parent {
            "" => (self.object.clone(), Some(&self.written), String::new()),
            parent => {
                let word = format!("{parent}=");
                let (known, node) = self.find(&Word::parse(&word).ok()?.path)?;
                (self.typing.object_of(&known)?.1, node, format!("{parent}."))
            }
        };
        let written = match written {
            Some(Node::Object(members)) => members.as_slice(),
            _ => &[],
        };
        let mut members = Vec::new();
        collect(&object, written, &mut members);
        members.retain(|member| written.iter().all(|(name, _)| *name != member.name));
        let is_tag = |member: &Member| object.tag.as_ref() == Some(&member.name);
        members.sort_by_key(|member| (!is_tag(member), !member.required));
        let candidates = members.into_iter().map(|member| {
            let (of, sign) = self.shape(&member.r#type);
            let required = if member.required { Some("required".to_owned()) } else { None };
            let history = Some(history(&member.history)).filter(|it| !it.is_empty());
            let about: Vec<_> = [Some(of), required, history].into_iter().flatten().collect();
            let text = format!("{prefix}{}{sign}", escaped(&member.name));
            Candidate { text, about: about.join(", "), is_required: member.required }
        });
        Some(Candidates { list: candidates.collect(), ..Candidates::default() })
    }

    /// What a type is called, and what follows a key of it.
    fn shape(&self, of: &Type) -> (String, &'static str) {
        let (name, sign) = match of {
            Type::String => ("string", "="),
            Type::Bool => ("boolean", "="),
            Type::Integer { .. } | Type::Unsigned { .. } => ("integer", "="),
            Type::Number => ("number", "="),
            Type::Null => ("null", ":="),
            Type::List(_) => ("list", "[]"),
            Type::Named(_) => match self.typing.kind(&Typing::known(0, of)) {
                Some(Kind::Object(_)) => ("object", "."),
                Some(Kind::Enum(_)) => ("one of several", "="),
                _ => ("several types", ""),
            },
            _ => ("any type", "="),
        };
        (name.to_owned(), sign)
    }

    /// The type at a path, and what is written there.
    fn find(&self, path: &[Step]) -> Option<(Known, Option<&Node>)> {
        let mut object = Some(self.object.clone());
        let mut node = Some(&self.written);
        let mut known: Option<Known> = None;
        for step in path {
            known = Some(match step {
                Step::Name(name) => {
                    let object = match object.take() {
                        Some(object) => object,
                        None => self.typing.object_of(known.as_ref()?)?.1,
                    };
                    let members = match node {
                        Some(Node::Object(members)) => members.as_slice(),
                        _ => &[],
                    };
                    let of = member(&object, members, name)?;
                    node = members.iter().find(|(member, _)| member == name).map(|(_, it)| it);
                    Typing::known(0, of)
                }
                Step::Index(_) | Step::Append => {
                    node = match (node, step) {
                        (Some(Node::Array(elements)), Step::Index(at)) => elements.get(*at),
                        _ => None,
                    };
                    self.typing.element_of(known.as_ref()?)?
                }
            });
        }
        Some((known?, node))
    }
}

/// The members of an object and of the branch that its tag selects.
fn collect(object: &Object, written: &[(String, Node)], members: &mut Vec<Member>) {
    members.extend(object.members.iter().cloned());
    let value = object.tag.as_ref().and_then(|tag| Node::text_of(written, tag));
    if let Some(branch) =
        object.branches.iter().find(|branch| Some(&branch.value) == value.as_ref())
    {
        collect(&branch.object, written, members);
    }
}

/// The names of the members of a command or an action, of all branches.
#[cfg(test)]
pub(super) fn names(command: &str) -> Vec<String> {
    fn add(object: &Object, names: &mut Vec<String>) {
        names.extend(object.members.iter().map(|member| member.name.clone()));
        object.branches.iter().for_each(|branch| add(&branch.object, names));
    }
    let mut names = Vec::new();
    if let Some(place) = Place::of(command, &[]) {
        add(&place.object, &mut names);
        // The command may take the name of a type of which all members can be written.
        for member in place.object.members.clone() {
            if let Some(Kind::Object(object)) = place.typing.kind(&Typing::known(0, &member.r#type))
            {
                add(&object, &mut names);
            }
        }
    }
    let members = in_transaction(command, &[], "").list.into_iter();
    names.extend(members.map(|it| it.text.trim_end_matches(['=', '.', '[', ']']).to_owned()));
    names
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
        assert_eq!(of_qcow2[0], "file", "what is required comes first");
        assert!(of_qcow2.contains(&"backing".into()) && !of_qcow2.contains(&"driver=".into()));
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
        assert!(texts("guest-exec ").contains(&"arg[]".into()));
        assert!(texts("chardev-add ").contains(&"backend.".into()));
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
        assert!(of("blockdev-add", &["driver=qcow2", "file.driver=file"]).is_empty());
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
