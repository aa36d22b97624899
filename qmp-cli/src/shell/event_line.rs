//! An event as a line: its time, its name and its data as `key=value`.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use qmp_blocking::{Event, Timestamp};
use serde_json::Value;

use crate::words::typing::escaped;

/// Which events are printed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Selection {
    #[default]
    All,
    None,
    Names(Vec<String>),
}

impl Selection {
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Names(names) => names.iter().any(|it| it == name),
        }
    }
}

/// Returns the line of an event, such as `14:02:11.204 DEVICE_DELETED device=net0`.
pub(crate) fn of(event: &Event) -> String {
    let mut line = time(event.timestamp(), &TimeZone::system());
    line.push_str(event.name());
    if let Ok(Some(data)) = event.data() {
        match serde_json::from_str(data.as_str()) {
            Ok(Value::Object(members)) => {
                members.iter().for_each(|(name, value)| member(name, value, "", &mut line));
            }
            // Numbers that serde_json cannot hold, or no object.
            _ => {
                let _ = write!(line, " {data}");
            }
        }
    }
    crate::show::text::shown(&line, true).into_owned()
}

fn time(timestamp: Option<Timestamp>, zone: &TimeZone) -> String {
    let since = timestamp.and_then(Timestamp::since_epoch);
    let moment = since.and_then(|since| {
        let seconds = i64::try_from(since.as_secs()).ok()?;
        jiff::Timestamp::new(seconds, i32::try_from(since.subsec_nanos()).ok()?).ok()
    });
    match moment {
        Some(moment) => moment.to_zoned(zone.clone()).strftime("%H:%M:%S%.3f ").to_string(),
        None => String::new(),
    }
}

fn member(name: &str, value: &Value, path: &str, line: &mut String) {
    let key = match path {
        "" => escaped(name),
        path => format!("{path}.{}", escaped(name)),
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(name, value)| member(name, value, &key, line));
        }
        Value::String(text) if is_plain(text) => {
            let _ = write!(line, " {key}={text}");
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) => {
            let _ = write!(line, " {key}={value}");
        }
        other => {
            let _ = write!(line, " {key}:={other}");
        }
    }
}

/// Whether a text needs no quotes.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && !text.contains(|it: char| it.is_whitespace() || it.is_control() || it == '"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_shown_as_it_would_be_written() {
        let data = serde_json::json!({
            "device": "net0", "a": {"b": 1, "c": {}}, "l": [1], "text": "two words", "on": true,
            "null": null, "evil": "\u{1b}[2J"
        });
        let mut line = String::from("X");
        for (name, value) in data.as_object().unwrap() {
            member(name, value, "", &mut line);
        }
        let words: Vec<_> = line.split(' ').collect();
        for word in ["device=net0", "a.b=1", "a.c:={}", "l:=[1]", "on=true", "null:=null"] {
            assert!(words.contains(&word), "{word}: {line}");
        }
        assert!(line.contains("text=\"two words\"") && line.contains("evil=\"\\u001b[2J\""));
    }

    #[test]
    fn times_are_local_and_have_milliseconds() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(time(Some(Timestamp::new(3600, 204_999)), &zone), "03:00:00.204 ");
        assert_eq!(time(Some(Timestamp::new(-1, -1)), &zone), "");
    }
}
