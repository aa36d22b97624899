//! The vocabulary of a running QEMU, read from its schema.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Branch, Description, EnumValue, History, Kind, Member, Object, Type, Vocabulary};
use crate::generated::introspect::{
    JSONType, SchemaInfo, SchemaInfoMetaType, SchemaInfoObject, SchemaInfoObjectMember,
};
use crate::schema::{Schema, values};

impl Vocabulary for Schema {
    fn describe(&self, name: &str) -> Option<Description> {
        let entry = self.get(name)?;
        let kind = match &entry.meta_type {
            SchemaInfoMetaType::Command(it) => Kind::Command {
                arguments: self.object_named(&it.arg_type),
                returns: self.returned(&it.ret_type),
                allow_oob: it.allow_oob.unwrap_or(false),
                success_response: true,
            },
            SchemaInfoMetaType::Event(it) => Kind::Event(self.object_named(&it.arg_type)),
            SchemaInfoMetaType::Object(it) => Kind::Object(self.object(it)),
            SchemaInfoMetaType::Enum(_) => {
                let value = |(name, features): (&str, &Option<Vec<String>>)| EnumValue {
                    name: name.to_string(),
                    history: history(features),
                };
                Kind::Enum(values(entry).into_iter().map(value).collect())
            }
            SchemaInfoMetaType::Alternate(it) => {
                Kind::Alternate(it.members.iter().map(|form| self.type_of(&form.r#type)).collect())
            }
            _ => return None,
        };
        Some(Description {
            name: name.to_string(),
            kind,
            history: history(&entry.features),
            manual: None,
        })
    }

    fn commands(&self) -> Vec<&str> {
        self.named(|entry| matches!(entry.meta_type, SchemaInfoMetaType::Command(_)))
    }

    fn events(&self) -> Vec<&str> {
        self.named(|entry| matches!(entry.meta_type, SchemaInfoMetaType::Event(_)))
    }
}

impl Schema {
    fn named(&self, wanted: impl Fn(&SchemaInfo) -> bool) -> Vec<&str> {
        self.entries().filter(|entry| wanted(entry)).map(|entry| entry.name.as_str()).collect()
    }

    fn object_named(&self, name: &str) -> Object {
        match self.get(name).map(|entry| &entry.meta_type) {
            Some(SchemaInfoMetaType::Object(it)) => self.object(it),
            _ => Object::default(),
        }
    }

    /// Returns the type of a command's return value, if that is not `{}`.
    fn returned(&self, name: &str) -> Option<Type> {
        match self.get(name).map(|entry| &entry.meta_type) {
            Some(SchemaInfoMetaType::Object(it)) if it.members.is_empty() && it.tag.is_none() => {
                None
            }
            _ => Some(self.type_of(name)),
        }
    }

    fn object(&self, it: &SchemaInfoObject) -> Object {
        let member = |member: &SchemaInfoObjectMember| Member {
            name: member.name.clone(),
            r#type: self.type_of(&member.r#type),
            required: member.default.is_none(),
            history: history(&member.features),
        };
        let branches = it.variants.iter().flatten().filter_map(|variant| {
            let object = self.object_named(&variant.r#type);
            let branch =
                Branch { value: variant.case.clone(), object, history: History::default() };
            (branch.object != Object::default()).then_some(branch)
        });
        Object {
            members: it.members.iter().map(member).collect(),
            tag: it.tag.clone(),
            branches: branches.collect(),
            open: false,
        }
    }

    fn type_of(&self, name: &str) -> Type {
        match self.get(name).map(|entry| &entry.meta_type) {
            Some(SchemaInfoMetaType::Array(list)) => {
                Type::List(Box::new(self.type_of(&list.element_type)))
            }
            Some(SchemaInfoMetaType::Builtin(it)) => match it.json_type {
                JSONType::String => Type::String,
                JSONType::Boolean => Type::Bool,
                JSONType::Int => Type::Integer { min: i64::MIN, max: u64::MAX },
                JSONType::Number => Type::Number,
                JSONType::Null => Type::Null,
                _ => Type::Any,
            },
            _ => Type::Named(name.to_string()),
        }
    }
}

fn history(features: &Option<Vec<String>>) -> History {
    History { features: features.clone().unwrap_or_default(), ..History::default() }
}
