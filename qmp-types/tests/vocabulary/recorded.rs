//! Round trips of all messages in recorded sessions.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::every::{COMMANDS, EVENTS};
use crate::through::{Through, same};

/// The number of messages that were compared.
#[derive(Debug, Default)]
struct Count {
    events: usize,
    replies: usize,
    arguments: usize,
}

#[test]
fn recorded_messages_survive_a_round_trip() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../qmp-proto/tests/data/transcripts");
    let mut count = Count::default();
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|it| it == "jsonl") {
            session(&fs::read_to_string(&file).unwrap(), &mut count);
        }
    }
    // Fails if a change of the recordings' format leaves nothing to compare.
    assert!(count.events > 150 && count.replies > 150 && count.arguments > 100, "{count:?}");
}

fn session(text: &str, count: &mut Count) {
    let records: Vec<Record> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (sent, all_are_commands) = messages(&records, "c2s");
    let (received, all_are_messages) = messages(&records, "s2c");
    for command in &sent {
        let arguments = command.get("arguments");
        if let (Some(name), Some(arguments)) = (name(command), arguments) {
            count.arguments += usize::from(arguments_are_the_same(name, arguments));
        }
    }
    // Replies without an id belong to commands by their order, if no message is missing.
    let plain = |messages: &[Value], name: &str| {
        let of = |message: &&Value| message.get(name).is_some() && message.get("id").is_none();
        messages.iter().filter(of).count()
    };
    let in_step = all_are_messages
        && all_are_commands
        && plain(&received, "QMP") <= 1
        && plain(&sent, "execute") == plain(&received, "return") + plain(&received, "error");
    let mut in_order = sent.iter().filter(|command| command.get("id").is_none());
    for message in &received {
        if let Some(event) = message.get("event").and_then(Value::as_str) {
            let empty = Value::Object(serde_json::Map::new());
            let data = message.get("data").unwrap_or(&empty);
            let (_, through) = EVENTS.iter().find(|(name, _)| *name == event).unwrap();
            unchanged(event, *through, data);
            count.events += 1;
            continue;
        }
        let command = match message.get("id") {
            Some(id) => {
                let mut same = sent.iter().filter(|command| command.get("id") == Some(id));
                // Some sessions use an id twice.
                same.next().filter(|_| same.next().is_none())
            }
            None if in_step && message.get("QMP").is_none() => in_order.next(),
            None => None,
        };
        let (Some(value), Some(name)) = (message.get("return"), command.and_then(name)) else {
            continue;
        };
        if let Some((_, _, through)) = COMMANDS.iter().find(|(it, ..)| *it == name) {
            unchanged(name, *through, value);
            count.replies += 1;
        }
    }
}

fn unchanged(name: &str, through: Through, value: &Value) {
    let again = through(&value.to_string()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(same(value, &again), "{name}: {value} became {again}");
}

fn name(command: &Value) -> Option<&str> {
    command.get("execute").or_else(|| command.get("exec-oob"))?.as_str()
}

/// Returns whether arguments survive a round trip. This is counted, not asserted, because some
/// sessions contain wrong arguments.
fn arguments_are_the_same(name: &str, arguments: &Value) -> bool {
    let Some((_, through, _)) = COMMANDS.iter().find(|(it, ..)| *it == name) else { return false };
    through(&arguments.to_string()).is_ok_and(|again| same(arguments, &again))
}

/// A part of the bytes that one side has sent.
#[derive(serde::Deserialize)]
struct Record {
    dir: String,
    #[serde(default)]
    hex: String,
}

/// Returns the messages of one side, and whether all of its lines are messages.
fn messages(records: &[Record], dir: &str) -> (Vec<Value>, bool) {
    let hex: String = records.iter().filter(|it| it.dir == dir).map(|it| it.hex.as_str()).collect();
    let digits = hex.as_bytes().chunks_exact(2);
    let byte = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    let bytes: Vec<u8> = digits.map(byte).filter(|byte| *byte != 0xFF).collect();
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let (mut messages, mut all) = (Vec::new(), true);
    for line in lines {
        match serde_json::from_str::<Value>(line) {
            Ok(message) if message.is_object() => messages.push(message),
            _ => all = false,
        }
    }
    (messages, all)
}
