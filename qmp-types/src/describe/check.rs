//! Checks arguments against their description.

use alloc::format;
use alloc::string::String;

use qmp_proto::{ArgumentError, Expected};
use serde_json::{Map, Value};

use super::{Kind, Object, Type, Vocabulary};

/// The maximum depth of arguments, which is also that of decoding.
const DEEPEST: usize = qmp_proto::DECODE_DEPTH;

/// Checks a command's arguments.
pub(super) fn object<V: Vocabulary + ?Sized>(
    vocabulary: &V,
    object: &Object,
    value: &Value,
) -> Result<(), ArgumentError> {
    let checker = Checker { vocabulary };
    match value {
        Value::Object(members) => checker.members(object, members, "", 0),
        Value::Null => checker.members(object, &Map::new(), "", 0),
        _ => Err(ArgumentError::wrong_type("arguments", Expected::Object)),
    }
}

struct Checker<'v, V: ?Sized> {
    vocabulary: &'v V,
}

impl<V: Vocabulary + ?Sized> Checker<'_, V> {
    fn members(
        &self,
        object: &Object,
        members: &Map<String, Value>,
        place: &str,
        depth: usize,
    ) -> Result<(), ArgumentError> {
        let branch = self.branch(object, members, place)?;
        let nested = branch.and_then(|it| it.tag.as_ref().map(|_| it));
        let further = match nested {
            Some(nested) => self.branch(nested, members, place)?,
            None => None,
        };
        let parts = || [Some(object), branch, further].into_iter().flatten();
        for member in parts().flat_map(|part| &part.members) {
            let name = within(place, &member.name);
            match members.get(&member.name) {
                Some(value) => self.value(&member.r#type, value, &name, depth)?,
                None if member.required => return Err(ArgumentError::missing(name)),
                None => {}
            }
        }
        if parts().any(|part| part.open) {
            return Ok(());
        }
        let known = |name: &str| parts().any(|part| part.members.iter().any(|it| it.name == name));
        match members.keys().find(|name| !known(name)) {
            Some(name) => Err(ArgumentError::unexpected(within(place, name))),
            None => Ok(()),
        }
    }

    /// Returns the branch for the value of the tag.
    fn branch<'o>(
        &self,
        object: &'o Object,
        members: &Map<String, Value>,
        place: &str,
    ) -> Result<Option<&'o Object>, ArgumentError> {
        let Some(tag) = &object.tag else { return Ok(None) };
        let required = object.members.iter().any(|it| it.name == *tag && it.required);
        let value = match members.get(tag) {
            Some(Value::String(value)) => value,
            None if required => return Err(ArgumentError::missing(within(place, tag))),
            // The caller checks its type with those of the other members.
            _ => return Ok(None),
        };
        Ok(object.branches.iter().find(|branch| branch.value == *value).map(|it| &it.object))
    }

    fn value(
        &self,
        of: &Type,
        value: &Value,
        place: &str,
        depth: usize,
    ) -> Result<(), ArgumentError> {
        let wrong = |expected| Err(ArgumentError::wrong_type(place, expected));
        if depth > DEEPEST {
            return wrong(Expected::Object);
        }
        match (of, value) {
            (Type::Any, _)
            | (Type::String, Value::String(_))
            | (Type::Bool, Value::Bool(_))
            | (Type::Number, Value::Number(_))
            | (Type::Null, Value::Null) => Ok(()),
            (Type::Integer { min, max }, Value::Number(number)) => {
                let fits = match (number.as_i64(), number.as_u64()) {
                    (Some(number), _) if number < 0 => number >= *min,
                    (_, Some(number)) => number <= *max,
                    _ => return wrong(Expected::Integer),
                };
                if fits { Ok(()) } else { wrong(Expected::Integer) }
            }
            (Type::Unsigned { max }, Value::Number(number)) => {
                // QEMU converts a negative number to 64 bits.
                match number.as_u64().or_else(|| number.as_i64().map(|it| it as u64)) {
                    Some(number) if number <= *max => Ok(()),
                    Some(_) => wrong(Expected::Unsigned(max.trailing_ones())),
                    None => wrong(Expected::Unsigned(64)),
                }
            }
            (Type::List(of), Value::Array(list)) => {
                list.iter().enumerate().try_for_each(|(at, value)| {
                    self.value(of, value, &format!("{place}[{at}]"), depth + 1)
                })
            }
            (Type::String, _) => wrong(Expected::String),
            (Type::Bool, _) => wrong(Expected::Boolean),
            (Type::Number, _) => wrong(Expected::Number),
            (Type::Null, _) => wrong(Expected::Null),
            (Type::Integer { .. }, _) => wrong(Expected::Integer),
            (Type::Unsigned { .. }, _) => wrong(Expected::Unsigned(64)),
            (Type::List(_), _) => wrong(Expected::Array),
            (Type::Named(name), value) => self.named(name, value, place, depth),
        }
    }

    fn named(
        &self,
        name: &str,
        value: &Value,
        place: &str,
        depth: usize,
    ) -> Result<(), ArgumentError> {
        match (self.vocabulary.describe(name).map(|it| it.kind), value) {
            (Some(Kind::Object(object)), Value::Object(members)) => {
                self.members(&object, members, place, depth + 1)
            }
            (Some(Kind::Object(_)), _) => Err(ArgumentError::wrong_type(place, Expected::Object)),
            (Some(Kind::Enum(values)), Value::String(value)) => {
                match values.iter().any(|it| it.name == *value) {
                    true => Ok(()),
                    false => Err(ArgumentError::wrong_value(or_null(place), value)),
                }
            }
            (Some(Kind::Enum(_)), _) => Err(ArgumentError::wrong_type(place, Expected::String)),
            (Some(Kind::Alternate(forms)), value) => {
                match forms.iter().find(|form| self.is_form(form, value)) {
                    Some(form) => self.value(form, value, place, depth),
                    None => Err(ArgumentError::wrong_form(or_null(place), name)),
                }
            }
            // A type without a description cannot be checked.
            _ => Ok(()),
        }
    }

    /// Returns whether a value has the JSON type of a form.
    fn is_form(&self, form: &Type, value: &Value) -> bool {
        match (form, value) {
            (Type::Named(name), value) => match self.vocabulary.describe(name).map(|it| it.kind) {
                Some(Kind::Object(_)) => value.is_object(),
                Some(Kind::Enum(_)) => value.is_string(),
                _ => false,
            },
            (Type::String, value) => value.is_string(),
            (Type::Bool, value) => value.is_boolean(),
            (Type::Null, value) => value.is_null(),
            (Type::List(_), value) => value.is_array(),
            (Type::Integer { .. } | Type::Unsigned { .. } | Type::Number, value) => {
                value.is_number()
            }
            (Type::Any, _) => true,
        }
    }
}

/// Returns the name that QEMU uses in errors about enums and alternates: `null` for an element of a
/// list.
fn or_null(place: &str) -> &str {
    if place.ends_with(']') { "null" } else { place }
}

/// Returns the name that QEMU uses for a nested member, such as `file.filename`.
fn within(place: &str, name: &str) -> String {
    if place.is_empty() { name.into() } else { format!("{place}.{name}") }
}
