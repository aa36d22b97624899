//! The conditions of a subscription.

use qmp_proto::{OwnedEvent, RawJson};
use serde_json::{Map, Value};

use crate::Event;

/// A value that a member of an event's data is compared with: a string, a boolean or an integer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberValue(Value);

impl From<&str> for MemberValue {
    fn from(value: &str) -> Self {
        Self(value.into())
    }
}

impl From<&String> for MemberValue {
    fn from(value: &String) -> Self {
        value.as_str().into()
    }
}

impl From<String> for MemberValue {
    fn from(value: String) -> Self {
        Self(value.into())
    }
}

impl From<bool> for MemberValue {
    fn from(value: bool) -> Self {
        Self(value.into())
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl From<$integer> for MemberValue {
            fn from(value: $integer) -> Self {
                Self(value.into())
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, i8, i16, i32, i64);

/// The event names and data that a subscriber wants. Without conditions, it wants all events.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    names: Vec<String>,
    /// `None` for any data.
    data: Option<Value>,
}

impl Conditions {
    pub(crate) fn add_name(&mut self, name: &str) {
        self.names.push(name.to_owned());
    }

    pub(crate) fn add_member(&mut self, name: &str, value: MemberValue) {
        self.add_data(Value::Object(Map::from_iter([(name.to_owned(), value.0)])));
    }

    pub(crate) fn add_json(&mut self, data: RawJson<'_>) {
        // Data with too many levels to be decoded cannot match: such events cannot be decoded
        // either.
        self.add_data(data.decode().unwrap_or(Value::Null));
    }

    fn add_data(&mut self, wanted: Value) {
        match &mut self.data {
            Some(data) => merge(data, wanted),
            None => self.data = Some(wanted),
        }
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns whether all events are wanted.
    pub(crate) fn are_none(&self) -> bool {
        self.names.is_empty() && self.data.is_none()
    }

    pub(crate) fn match_event(&self, event: &Event) -> bool {
        (self.names.is_empty() || self.names.iter().any(|name| name == event.name()))
            && self.data.as_ref().is_none_or(|wanted| has_data(event, wanted))
    }
}

fn has_data(event: &OwnedEvent, wanted: &Value) -> bool {
    event.decode().is_ok_and(|data: Value| contains(&data, wanted))
}

/// Returns whether `actual` contains every member of `wanted`. Arrays are compared as a whole.
fn contains(actual: &Value, wanted: &Value) -> bool {
    match (actual, wanted) {
        (Value::Object(actual), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| actual.get(name).is_some_and(|it| contains(it, wanted))),
        _ => actual == wanted,
    }
}

fn merge(into: &mut Value, other: Value) {
    match (into, other) {
        (Value::Object(into), Value::Object(other)) => {
            for (name, value) in other {
                match into.get_mut(&name) {
                    Some(place) => merge(place, value),
                    None => drop(into.insert(name, value)),
                }
            }
        }
        (into, other) => *into = other,
    }
}

#[cfg(test)]
mod tests {
    use qmp_proto::{Client, Options, Received};

    use super::*;

    fn event(message: &str) -> Event {
        let mut client: Client<()> = Client::negotiated(Options::monitor(), 7);
        let line = format!("{message}\r\n");
        match client.handle_input(line.as_bytes()).unwrap().received {
            Some(Received::Event(event)) => event.into_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn members_and_partial_data_are_all_required() {
        let deleted = event(
            r#"{"event": "DEVICE_DELETED", "data": {"device": "net0", "path": "/x", "n": {"a": 1, "b": [1, 2]}}}"#,
        );
        let matches = |build: &dyn Fn(&mut Conditions)| {
            let mut conditions = Conditions::default();
            build(&mut conditions);
            conditions.match_event(&deleted)
        };
        let json = |text| RawJson::parse(text).unwrap();
        assert!(matches(&|_| {}));
        assert!(matches(&|it| it.add_member("device", "net0".into())));
        assert!(!matches(&|it| it.add_member("device", "net1".into())));
        assert!(!matches(&|it| it.add_member("absent", true.into())));
        assert!(matches(&|it| it.add_json(json(r#"{"n": {"a": 1}, "path": "/x"}"#))));
        assert!(!matches(&|it| it.add_json(json(r#"{"n": {"a": 2}}"#))));
        assert!(matches(&|it| it.add_json(json(r#"{"n": {"b": [1, 2]}}"#))));
        assert!(!matches(&|it| it.add_json(json(r#"{"n": {"b": [1]}}"#))));
        assert!(!matches(&|it| {
            it.add_member("device", "net0".into());
            it.add_json(json(r#"{"n": {"a": 2}}"#));
        }));
        assert!(!matches(&|it| {
            it.add_name("STOP");
            it.add_member("device", "net0".into());
        }));
        assert!(matches(&|it| {
            it.add_name("STOP");
            it.add_name("DEVICE_DELETED");
        }));
    }

    #[test]
    fn an_event_without_data_has_no_members() {
        let mut conditions = Conditions::default();
        conditions.add_member("device", "net0".into());
        assert!(!conditions.match_event(&event(r#"{"event": "STOP"}"#)));
    }
}
