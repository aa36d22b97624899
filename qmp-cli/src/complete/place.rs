//! Where a line is in the arguments of a command: what can follow, and what is missing.

use qmp_blocking::types::describe::{BuiltIn, Kind, Member, Object, Type, Vocabulary};

use crate::complete::{Candidate, Candidates, history};
use crate::words::typing::{Known, escaped, member};
use crate::words::word::Step;
use crate::words::{Node, Typing, Value, Word};

/// An object of the arguments, and what is written of it.
pub(super) struct Place<'v> {
    pub(super) typing: Typing<'v>,
    pub(super) object: Object,
    written: Node,
}

impl Place<'static> {
    pub(super) fn of(command: &str, words: &[&str]) -> Option<Self> {
        Self::within(&BuiltIn, command, words)
    }
}

impl<'v> Place<'v> {
    pub(super) fn within(
        vocabulary: &'v dyn Vocabulary,
        command: &str,
        words: &[&str],
    ) -> Option<Self> {
        match vocabulary.describe(command)?.kind {
            Kind::Command { arguments, .. } => Some(Self::new(vocabulary, arguments, words)),
            _ => None,
        }
    }

    pub(super) fn complete(&self, current: &str) -> Candidates {
        match current.split_once('=') {
            Some((key, _)) => self.values(key).unwrap_or_default(),
            None => self.names(current).unwrap_or_default(),
        }
    }

    fn new(vocabulary: &'v dyn Vocabulary, object: Object, words: &[&str]) -> Self {
        let mut written = Node::Object(Vec::new());
        for word in words.iter().filter_map(|word| Word::parse(word).ok()) {
            let value = match word.value {
                Value::Text(text) => Node::Text(text.to_owned()),
                Value::Json(json) => Node::Json(json.to_owned()),
                _ => Node::Text(String::new()),
            };
            let _ = written.set(word.key, &word.path, value);
        }
        Self { typing: Typing::new(vec![vocabulary], &[]), object, written }
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
        let parent = current.rfind('.').map_or("", |dot| &current[..=dot]);
        let mut list = Vec::new();
        for (member, written) in self.members(parent)? {
            let required = Some("required".to_owned()).filter(|_| member.required);
            let history = Some(history(&member.history)).filter(|it| !it.is_empty());
            let mut add = |of: String, text: String| {
                let about = [Some(of), required.clone(), history.clone()];
                let about: Vec<_> = about.into_iter().flatten().collect();
                let (about, is_required) = (about.join(", "), member.required);
                list.push(Candidate { text, about, is_required });
            };
            let key = format!("{parent}{}", escaped(&member.name));
            // Elements that are begun can be continued.
            if let Some(Node::Array(elements)) = written {
                for at in 0..elements.len() {
                    let text = format!("{key}[{at}].");
                    if matches!(elements.get(at), Some(Node::Object(_))) && self.has_more(&text) {
                        add("object".into(), text);
                    }
                }
            }
            for (of, sign) in self.shapes(&member.r#type) {
                let text = format!("{key}{sign}");
                let is_possible = match written {
                    None => true,
                    Some(Node::Array(_)) => sign.starts_with('['),
                    Some(Node::Object(_)) => sign == "." && self.has_more(&text),
                    Some(_) => false,
                };
                if is_possible {
                    add(of, text);
                }
            }
        }
        Some(Candidates { list, ..Candidates::default() })
    }

    fn has_more(&self, parent: &str) -> bool {
        self.names(parent).is_some_and(|it| !it.list.is_empty())
    }

    /// Adds the required members that are not written, those of begun objects too.
    pub(super) fn missing(&self, parent: &str, missing: &mut Vec<String>) {
        for (member, written) in self.members(parent).unwrap_or_default() {
            let key = format!("{parent}{}", escaped(&member.name));
            match written {
                None if member.required => {
                    let shapes = self.shapes(&member.r#type);
                    // Several signs are for the user to choose from.
                    let sign = if let [(_, sign)] = shapes.as_slice() { sign } else { "" };
                    missing.push(format!("{key}{sign}"));
                }
                Some(Node::Object(_)) => self.missing(&format!("{key}."), missing),
                Some(Node::Array(elements)) => {
                    for (at, element) in elements.iter().enumerate() {
                        if matches!(element, Node::Object(_)) {
                            self.missing(&format!("{key}[{at}]."), missing);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// The members of an object: its tag first, then what is required. `parent` is empty or ends with
    /// a dot.
    pub(super) fn members(&self, parent: &str) -> Option<Vec<(Member, Option<&Node>)>> {
        let (object, written) = match parent.strip_suffix('.') {
            None => (self.object.clone(), Some(&self.written)),
            Some(parent) => {
                let word = format!("{parent}=");
                let (known, node) = self.find(&Word::parse(&word).ok()?.path)?;
                (self.typing.object_of(&known)?.1, node)
            }
        };
        let written = match written {
            Some(Node::Object(members)) => members.as_slice(),
            _ => &[],
        };
        let mut members = Vec::new();
        collect(&object, written, &mut members);
        let is_tag = |member: &Member| object.tag.as_ref() == Some(&member.name);
        members.sort_by_key(|member| (!is_tag(member), !member.required));
        let node = |member: Member| {
            let node = written.iter().find(|(name, _)| *name == member.name).map(|(_, it)| it);
            (member, node)
        };
        Some(members.into_iter().map(node).collect())
    }

    /// What a type is called, and what follows a key of it: one for each form that it has.
    fn shapes(&self, of: &Type) -> Vec<(String, &'static str)> {
        let (name, sign) = match of {
            Type::String => ("string", "="),
            Type::Bool => ("boolean", "="),
            Type::Integer { .. } | Type::Unsigned { .. } => ("integer", "="),
            Type::Number => ("number", "="),
            Type::Null => ("null", ":="),
            Type::List(of) => match self.typing.object_of(&Typing::known(0, of)) {
                Some(_) => ("list", "[]."),
                None => ("list", "[]="),
            },
            Type::Named(_) => match self.typing.kind(&Typing::known(0, of)) {
                Some(Kind::Object(_)) => ("object", "."),
                Some(Kind::Enum(_)) => ("one of several", "="),
                Some(Kind::Alternate(forms)) => return self.forms(&forms),
                _ => ("any type", "="),
            },
            _ => ("any type", "="),
        };
        vec![(name.to_owned(), sign)]
    }

    fn forms(&self, forms: &[Type]) -> Vec<(String, &'static str)> {
        let mut shapes: Vec<(String, &str)> = Vec::new();
        for (name, sign) in forms.iter().flat_map(|form| self.shapes(form)) {
            match shapes.iter_mut().find(|(_, it)| *it == sign) {
                Some((names, _)) if *names != name => *names = format!("{names} or {name}"),
                Some(_) => {}
                None => shapes.push((name, sign)),
            }
        }
        // Null is seldom meant.
        if shapes.len() > 1 {
            shapes.retain(|(_, sign)| *sign != ":=");
        }
        shapes
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
