//! Messages of a server, before they are written.

use super::choices::Choices;

/// A JSON value. Scalars are text.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// Strings that may confuse a search for brackets, quotes and ids.
const PIECES: &[&str] = &[
    "a",
    "",
    "}",
    "{",
    "]",
    "[",
    "}{",
    "} {",
    "}, {",
    "}, ",
    "{}",
    "\\\"",
    "\\\\",
    "\\\\\\\"",
    ", \\\"id\\\": 0}",
    "\\n",
    "\\u007d",
    "é",
    "\\ud83d\\ude00",
    "}]}, ",
    "}}",
    ":",
    ",",
    " ",
    "id",
    "0}",
    "return",
    "\u{7f}",
    "{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{",
    "plain text that is long enough for a block or two of sixty-four bytes, and for some more",
];

const NAMES: &[&str] = &["a", "id", "return", "name", "event", "data", "error", "0"];

const SCALARS: &[&str] = &["0", "1", "-1.5e3", "true", "false", "null", "18446744073709551615"];

fn string(choices: &mut Choices<'_>) -> String {
    let pieces = choices.times(3, |choices| choices.pick(PIECES));
    format!("\"{}\"", pieces.concat())
}

fn name(choices: &mut Choices<'_>) -> String {
    if choices.one_in(6) { string(choices) } else { quoted(choices.pick(NAMES)) }
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

impl Value {
    pub(super) fn number(number: u64) -> Self {
        Self::Text(number.to_string())
    }

    fn any(choices: &mut Choices<'_>, depth: usize) -> Self {
        match choices.below(if depth == 0 { 3 } else { 7 }) {
            0 => Self::Text(choices.pick(SCALARS).to_string()),
            1 | 2 => Self::Text(string(choices)),
            3 | 4 => Self::List(choices.times(3, |choices| Self::any(choices, depth - 1))),
            _ => Self::object(choices, depth - 1),
        }
    }

    fn object(choices: &mut Choices<'_>, depth: usize) -> Self {
        let mut members: Vec<(String, Self)> = Vec::new();
        for (name, value) in choices.times(3, |choices| (name(choices), Self::any(choices, depth)))
        {
            if members.iter().all(|it| it.0 != name) {
                members.push((name, value));
            }
        }
        if choices.one_in(3) {
            // The line ends like a reply.
            members.retain(|it| it.0 != "\"id\"");
            members.push((quoted("id"), Self::number(choices.below(12) as u64)));
        }
        Self::Object(members)
    }

    /// Returns a value of `return` or `data`.
    fn body(choices: &mut Choices<'_>) -> Self {
        let depth = choices.below(4);
        match choices.below(12) {
            0..3 => Self::any(choices, depth),
            3 => {
                // Longer than messages whose brackets are counted first.
                let parts = choices.times(4, |choices| Self::object(choices, 2));
                Self::List(parts.iter().cycle().take(choices.below(300)).cloned().collect())
            }
            _ => Self::object(choices, depth),
        }
    }
}

/// A message of a server, and its meaning for a client with requests in flight.
pub(super) struct Message {
    pub(super) value: Value,
    /// The id, if there is one.
    pub(super) id: Option<u64>,
}

impl Message {
    pub(super) fn greeting() -> Self {
        let value = Value::Object(vec![(
            quoted("QMP"),
            Value::Object(vec![
                (quoted("version"), Value::Object(Vec::new())),
                (quoted("capabilities"), Value::List(vec![Value::Text(quoted("oob"))])),
            ]),
        )]);
        Self { value, id: None }
    }

    /// Returns the reply to a handshake.
    pub(super) fn handshake(number: u64) -> Self {
        let members = [quoted("return"), quoted("id")];
        let value = members.map(|name| (name, Value::number(number))).into();
        Self { value: Value::Object(value), id: Some(number) }
    }

    /// Returns a reply, an error or an event. `next` is the id of the next request to be answered.
    pub(super) fn any(choices: &mut Choices<'_>, next: &mut u64) -> Self {
        let mut id = None;
        let mut answers = |choices: &mut Choices<'_>| {
            let number = if choices.one_in(6) { 900 + choices.below(5) as u64 } else { *next };
            *next += u64::from(number == *next);
            id = Some(number);
            let number = Value::number(number);
            match number {
                Value::Text(number) if choices.one_in(8) => Value::Text(quoted(&number)),
                number => number,
            }
        };
        let mut members = match choices.below(8) {
            0..4 => {
                let mut members = vec![(quoted("return"), Value::body(choices))];
                if !choices.one_in(8) {
                    members.push((quoted("id"), answers(choices)));
                }
                members
            }
            4 => {
                let error = [
                    (quoted("class"), Value::Text(quoted("GenericError"))),
                    (quoted("desc"), Value::Text(string(choices))),
                ];
                vec![
                    (quoted("id"), answers(choices)),
                    (quoted("error"), Value::Object(error.into())),
                ]
            }
            _ => {
                let stamp = [(quoted("seconds"), 1_795_363_537), (quoted("microseconds"), 100_003)];
                let stamp = stamp.map(|(name, number)| (name, Value::number(number)));
                let mut members = vec![
                    (quoted("timestamp"), Value::Object(stamp.into())),
                    (quoted("event"), Value::Text(quoted("DEVICE_DELETED"))),
                ];
                if !choices.one_in(4) {
                    members.push((quoted("data"), Value::body(choices)));
                }
                members
            }
        };
        if choices.one_in(10) {
            let at = choices.below(members.len() + 1);
            members.insert(at, (quoted("__com.x"), Value::any(choices, 2)));
        }
        if choices.one_in(6) {
            let count = choices.below(members.len());
            members.rotate_left(count);
        }
        Self { value: Value::Object(members), id }
    }
}
