//! From texts to JSON: the vocabulary decides which type a text has.

use std::fmt::Write as _;

use qmp_blocking::types::describe::{Kind, Object, Type, Vocabulary};

use crate::words::number;
use crate::words::tree::Node;
use crate::words::word::WordError;

/// What is known about a command's arguments.
pub(crate) struct Typing<'v> {
    /// Asked in this order.
    vocabularies: Vec<&'v dyn Vocabulary>,
    /// The types of a device's properties, by QEMU's names of types.
    properties: &'v [(String, String)],
    /// The keys whose type was guessed, because nothing knows them and their text looks like JSON.
    guessed: Vec<String>,
}

/// A command's arguments as JSON.
#[derive(Debug, PartialEq)]
pub(crate) struct Typed {
    pub(crate) json: String,
    pub(crate) guessed: Vec<String>,
}

/// A type, and the vocabulary that names it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) of: Type,
    vocabulary: usize,
}

/// A description of an object for each vocabulary that has one.
type Objects = Vec<(usize, Object)>;

impl<'v> Typing<'v> {
    pub(crate) fn new(
        vocabularies: Vec<&'v dyn Vocabulary>,
        properties: &'v [(String, String)],
    ) -> Self {
        Self { vocabularies, properties, guessed: Vec::new() }
    }

    /// Writes the arguments of a command.
    pub(crate) fn arguments(
        mut self,
        command: &str,
        members: &[(String, Node)],
    ) -> Result<Typed, WordError> {
        let describe = |(at, vocabulary): (usize, &&dyn Vocabulary)| match vocabulary
            .describe(command)?
            .kind
        {
            Kind::Command { arguments, .. } => Some((at, arguments)),
            _ => None,
        };
        let objects = self.vocabularies.iter().enumerate().filter_map(describe).collect();
        let mut json = String::new();
        self.object(members, &objects, "", &mut json)?;
        Ok(Typed { json, guessed: self.guessed })
    }

    fn object(
        &mut self,
        members: &[(String, Node)],
        objects: &Objects,
        place: &str,
        out: &mut String,
    ) -> Result<(), WordError> {
        out.push('{');
        for (at, (name, node)) in members.iter().enumerate() {
            if at > 0 {
                out.push_str(", ");
            }
            let _ = write!(out, "{}: ", string(name));
            let known = objects.iter().find_map(|(vocabulary, object)| {
                let of = member(object, members, name)?;
                Some(Known { of: of.clone(), vocabulary: *vocabulary })
            });
            let known = known.or_else(|| match place {
                "" => self.property(name),
                _ => None,
            });
            let place = match place {
                "" => escaped(name),
                place => format!("{place}.{}", escaped(name)),
            };
            self.value(node, known, &place, out)?;
        }
        out.push('}');
        Ok(())
    }

    /// A property of a device.
    fn property(&self, name: &str) -> Option<Known> {
        let (_, of) = self.properties.iter().find(|(property, _)| property == name)?;
        let of = match of.as_str() {
            "bool" => Type::Bool,
            "int8" | "int16" | "int32" | "int64" | "int" | "uint8" | "uint16" | "uint32"
            | "uint64" | "size" | "size32" => number::INTEGER,
            "number" | "double" => Type::Number,
            _ => Type::String,
        };
        Some(Known { of, vocabulary: 0 })
    }

    fn value(
        &mut self,
        node: &Node,
        known: Option<Known>,
        place: &str,
        out: &mut String,
    ) -> Result<(), WordError> {
        match node {
            Node::Empty => out.push_str("null"),
            Node::Json(json) => out.push_str(json),
            Node::Text(text) => match &known {
                Some(known) => out.push_str(&self.scalar(text, known, place)?),
                None => out.push_str(&self.guess(text, place)),
            },
            Node::Object(members) => {
                let objects = known.iter().filter_map(|known| self.object_of(known)).collect();
                self.object(members, &objects, place, out)?;
            }
            Node::Array(elements) => {
                let of = known.as_ref().and_then(|known| self.element_of(known));
                out.push('[');
                for (at, element) in elements.iter().enumerate() {
                    if at > 0 {
                        out.push_str(", ");
                    }
                    self.value(element, of.clone(), &format!("{place}[{at}]"), out)?;
                }
                out.push(']');
            }
        }
        Ok(())
    }

    /// The type of a member of an object that a vocabulary describes.
    pub(crate) fn known(vocabulary: usize, of: &Type) -> Known {
        Known { of: of.clone(), vocabulary }
    }

    pub(crate) fn kind(&self, known: &Known) -> Option<Kind> {
        let Type::Named(name) = &known.of else { return None };
        Some(self.vocabularies.get(known.vocabulary)?.describe(name)?.kind)
    }

    pub(crate) fn object_of(&self, known: &Known) -> Option<(usize, Object)> {
        match self.kind(known)? {
            Kind::Object(object) => Some((known.vocabulary, object)),
            Kind::Alternate(forms) => forms.into_iter().find_map(|of| {
                match self.kind(&Known { of, vocabulary: known.vocabulary })? {
                    Kind::Object(object) => Some((known.vocabulary, object)),
                    _ => None,
                }
            }),
            _ => None,
        }
    }

    pub(crate) fn element_of(&self, known: &Known) -> Option<Known> {
        let list = |of: &Type| match of {
            Type::List(of) => Some(Known { of: (**of).clone(), vocabulary: known.vocabulary }),
            _ => None,
        };
        list(&known.of).or_else(|| match self.kind(known)? {
            Kind::Alternate(forms) => forms.iter().find_map(list),
            _ => None,
        })
    }

    /// Writes a text as the type says.
    fn scalar(&mut self, text: &str, known: &Known, place: &str) -> Result<String, WordError> {
        let wrong = |what: &str| Err(WordError::new(format!("{place} takes {what}")));
        match &known.of {
            Type::String => Ok(string(text)),
            Type::Bool => match boolean(text) {
                Some(boolean) => Ok(boolean.to_string()),
                None => wrong("true or false"),
            },
            Type::Integer { .. } | Type::Unsigned { .. } => match number::integer(text) {
                Some(number) => Ok(number),
                None => wrong("an integer, such as 4096, 0x1000 or 4K"),
            },
            Type::Number => match number::number(text) {
                Some(number) => Ok(number),
                None => wrong("a number"),
            },
            Type::Null if text == "null" => Ok("null".into()),
            Type::Null => wrong("null"),
            Type::List(_) => {
                wrong(&format!("a list; write {place}[]=… for each element, or {place}:=[…]"))
            }
            Type::Named(_) => match self.kind(known) {
                Some(Kind::Enum(_)) => Ok(string(text)),
                Some(Kind::Alternate(forms)) => match self.form(text, &forms, known.vocabulary) {
                    Some(json) => Ok(json),
                    None => wrong(&format!(
                        "an object or a list; write {place}.MEMBER=… or {place}:=JSON"
                    )),
                },
                Some(Kind::Object(_)) => {
                    wrong(&format!("an object; write {place}.MEMBER=… or {place}:={{…}}"))
                }
                _ => Ok(self.guess(text, place)),
            },
            // The vocabulary allows any type.
            _ => Ok(self.guess(text, place)),
        }
    }

    /// Writes a text as the form of an alternate that it fits. A form that takes any text wins.
    fn form(&self, text: &str, forms: &[Type], vocabulary: usize) -> Option<String> {
        let enums = forms.iter().filter_map(|of| {
            match self.kind(&Known { of: of.clone(), vocabulary })? {
                Kind::Enum(values) => Some(values),
                _ => None,
            }
        });
        let enums: Vec<_> = enums.collect();
        let has = |wanted: fn(&Type) -> bool| forms.iter().any(wanted);
        if has(|of| *of == Type::String) || enums.iter().flatten().any(|it| it.name == text) {
            return Some(string(text));
        }
        let is_number =
            |of: &Type| matches!(of, Type::Integer { .. } | Type::Unsigned { .. } | Type::Number);
        let boolean = boolean(text).filter(|_| has(|of| *of == Type::Bool));
        let number = number::integer(text).filter(|_| forms.iter().any(is_number));
        let null = (text == "null" && has(|of| *of == Type::Null)).then(|| "null".to_owned());
        let any = || (!enums.is_empty()).then(|| string(text));
        boolean.map(|it| it.to_string()).or(number).or(null).or_else(any)
    }

    /// Writes a text of unknown type: as JSON if it looks like it, otherwise as a string.
    fn guess(&mut self, text: &str, place: &str) -> String {
        let is_json = text.trim() == text
            && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok();
        if !is_json {
            return string(text);
        }
        self.guessed.push(place.to_owned());
        text.to_owned()
    }
}

/// The type of a member, which may belong to the value of the object's tag.
pub(crate) fn member<'o>(
    object: &'o Object,
    members: &[(String, Node)],
    name: &str,
) -> Option<&'o Type> {
    if let Some(member) = object.members.iter().find(|member| member.name == name) {
        return Some(&member.r#type);
    }
    let value = Node::text_of(members, object.tag.as_ref()?)?;
    let branch = object.branches.iter().find(|branch| branch.value == value)?;
    member(&branch.object, members, name)
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "on" => Some(true),
        "false" | "off" => Some(false),
        _ => None,
    }
}

/// Writes a JSON string.
pub(crate) fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes a name as it stands in a key.
pub(crate) fn escaped(name: &str) -> String {
    let mut key = String::new();
    for char in name.chars() {
        if matches!(char, '.' | '[' | '=' | ':' | '\\') {
            key.push('\\');
        }
        key.push(char);
    }
    key
}
