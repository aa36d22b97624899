//! Completion of a command's arguments.

use qmp_blocking::types::describe::{BuiltIn, Kind, Member, Object, Type, Vocabulary};

use crate::complete::{Candidates, history};
use crate::words::typing::{Known, escaped, member};
use crate::words::word::Step;
use crate::words::{Node, Typing, Value, Word};

/// Completes an argument of a command, with those that are written already.
pub(super) fn complete(command: &str, written: &[&str], current: &str) -> Candidates {
    let Some(Kind::Command { arguments, .. }) = BuiltIn.describe(command).map(|it| it.kind) else {
        return Candidates::default();
    };
    let place = Place::new(arguments, written);
    match current.split_once('=') {
        Some((key, value)) if value.starts_with('@') => {
            let _ = key;
            Candidates::files()
        }
        Some((key, _)) => place.values(key).unwrap_or_default(),
        None => place.names(current).unwrap_or_default(),
    }
}

/// An object of the arguments, and what is written of it.
struct Place {
    typing: Typing<'static>,
    object: Object,
    written: Node,
}

impl Place {
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
            (format!("{prefix}{}{sign}", escaped(&member.name)), about.join(", "))
        });
        Some(Candidates::of(candidates.collect::<Vec<_>>()))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        let words: Vec<_> = line.split(' ').collect();
        let (current, before) = words.split_last().unwrap();
        let candidates = complete(before[0], &before[1..], current);
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
}
