//! Conditions on events: `NAME,key=text`.

use qmp_blocking::Event;
use serde_json::Value;

use crate::exit::Failure;
use crate::words::word::Step;
use crate::words::{self, Word};

/// What an event must be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    /// Its name; `None` for any.
    pub(crate) name: Option<String>,
    members: Vec<(Vec<Step>, Wanted)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    /// A string, or a number or boolean that is written like this.
    Text(String),
    Json(Value),
}

impl Condition {
    /// Reads `NAME[,KEY=TEXT]...`.
    ///
    /// # Errors
    ///
    /// Returns a usage error if it is not one.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let (name, members) = match text.split_once(',') {
            Some((name, members)) => (name, members.split(',').collect()),
            None => (text, Vec::new()),
        };
        if name.is_empty() || name.contains('=') {
            return Err(Failure::usage(format!("{text:?} is not an event; write NAME[,KEY=TEXT]")));
        }
        Ok(Self { name: Some(name.to_owned()), ..Self::members(members)? })
    }

    /// Reads conditions on the data of any event.
    ///
    /// # Errors
    ///
    /// Returns a usage error if a word is not `KEY=TEXT`.
    pub(crate) fn members<'w>(words: impl IntoIterator<Item = &'w str>) -> Result<Self, Failure> {
        let member = |word| {
            let word = Word::parse(word)?;
            let wanted = match word.value {
                words::Value::Text(text) => Wanted::Text(text.to_owned()),
                words::Value::Json(json) => match serde_json::from_str(json) {
                    Ok(value) => Wanted::Json(value),
                    Err(error) => {
                        return Err(Failure::usage(format!("{}:= takes JSON: {error}", word.key)));
                    }
                },
                _ => return Err(Failure::usage(format!("{}: write the value itself", word.key))),
            };
            Ok((word.path, wanted))
        };
        let members: Result<_, Failure> = words.into_iter().map(member).collect();
        Ok(Self { name: None, members: members? })
    }

    /// Whether an event is meant.
    pub(crate) fn matches(&self, event: &Event) -> bool {
        if self.name.as_ref().is_some_and(|name| name != event.name()) {
            return false;
        }
        if self.members.is_empty() {
            return true;
        }
        let data: Value = match event.decode() {
            Ok(data) => data,
            Err(_) => return false,
        };
        self.members.iter().all(|(path, wanted)| has(&data, path, wanted))
    }
}

fn has(value: &Value, path: &[Step], wanted: &Wanted) -> bool {
    let Some((step, rest)) = path.split_first() else {
        return match (wanted, value) {
            (Wanted::Text(text), Value::String(value)) => text == value,
            (Wanted::Text(text), Value::Number(_) | Value::Bool(_) | Value::Null) => {
                value.to_string().as_str() == text
            }
            (Wanted::Text(_), _) => false,
            (Wanted::Json(wanted), value) => wanted == value,
        };
    };
    match (step, value) {
        (Step::Name(name), Value::Object(members)) => {
            members.get(name).is_some_and(|value| has(value, rest, wanted))
        }
        (Step::Index(at), Value::Array(elements)) => {
            elements.get(*at).is_some_and(|value| has(value, rest, wanted))
        }
        // Any element.
        (Step::Append, Value::Array(elements)) => {
            elements.iter().any(|value| has(value, rest, wanted))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_compared_with_texts_and_json() {
        let data = serde_json::json!({"device": "net0", "n": {"a": 1}, "l": [true, "x"], "s": "1"});
        let matches = |word: &str| {
            let condition = Condition::members([word]).unwrap();
            condition.members.iter().all(|(path, wanted)| has(&data, path, wanted))
        };
        for word in ["device=net0", "n.a=1", "n.a:=1", "l[0]=true", "l[]=x", "s=1", "n:={\"a\":1}"]
        {
            assert!(matches(word), "{word}");
        }
        for word in ["device=net1", "n.a=2", "n.a:=\"1\"", "l[1]=true", "l[]=y", "x=1", "s:=1"] {
            assert!(!matches(word), "{word}");
        }
        let condition = Condition::parse("JOB_STATUS_CHANGE,id=f2,status=concluded").unwrap();
        assert_eq!(condition.name.as_deref(), Some("JOB_STATUS_CHANGE"));
        assert_eq!(condition.members.len(), 2);
        for wrong in ["", ",a=1", "a=1", "STOP,a", "STOP,a=@f", "STOP,a:=x"] {
            assert_eq!(Condition::parse(wrong).unwrap_err().code, crate::exit::Code::Usage);
        }
    }
}
