//! Laws of the grammar: words to JSON and back, and what is sent is accepted.

use proptest::prelude::*;
use qmp_blocking::qmp_proto::server::{Options, Received, Server};
use qmp_blocking::qmp_proto::{Arguments, Output};
use qmp_blocking::types::describe::{BuiltIn, Vocabulary};
use serde_json::{Map, Value};

use super::typing::escaped;
use super::{Typing, WordError, arguments};

/// Writes a value as words: the other direction.
fn words_of(members: &Map<String, Value>) -> Vec<String> {
    let mut words = Vec::new();
    for (name, value) in members {
        add(&escaped(name), value, &mut words);
    }
    words
}

fn add(key: &str, value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                add(&format!("{key}.{}", escaped(name)), value, words);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for (at, value) in elements.iter().enumerate() {
                add(&format!("{key}[{at}]"), value, words);
            }
        }
        value => words.push(format!("{key}:={value}")),
    }
}

fn json(command: &str, words: &[String]) -> Result<String, WordError> {
    let members = arguments(words.iter().map(String::as_str), |_| Ok("text".to_owned()))?;
    Ok(Typing::new(vec![&BuiltIn], &[]).arguments(command, &members)?.json)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A name of a member, with the characters that mean something in a key.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![r"[a-z.\[\]=:\\-]{1,6}", ".+"]
}

/// Words that a person or a broken script may write.
fn word() -> impl Strategy<Value = String> {
    let key = r"[a-c]{1,2}(\.[a-c]|\[[0-2]?\]|\\\.){0,3}";
    let text = prop_oneof![
        Just("true".to_owned()),
        Just("null".to_owned()),
        "-?[0-9]{1,22}",
        "[0-9.eE+-]{1,6}",
        r#"[\[\]{}",:0-9 ]{0,6}"#,
        ".*",
    ];
    prop_oneof![
        4 => (key, ":?=@?", text).prop_map(|(key, sign, text)| format!("{key}{sign}{text}")),
        1 => ".*",
    ]
}

proptest! {
    #[test]
    fn any_value_can_be_written_as_words(members in prop::collection::btree_map(name(), value(), 0..6)) {
        let members: Map<String, Value> = members.into_iter().collect();
        let written = json("x-unknown", &words_of(&members)).unwrap();
        prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), Value::Object(members));
    }

    #[test]
    fn text_of_a_string_member_arrives_unchanged(text in "[^@].*|") {
        let written = json("device_del", &[format!("id={text}")]).unwrap();
        let value: Value = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(value, serde_json::json!({"id": text}));
    }

    /// What the grammar accepts is one object to the client half, and the same to the server half.
    #[test]
    fn what_is_sent_is_accepted_by_a_server(
        command in prop::sample::select(BuiltIn.commands()),
        words in prop::collection::vec(word(), 0..5),
    ) {
        // The server half answers this one itself.
        prop_assume!(command != "qmp_capabilities");
        let Ok(written) = json(command, &words) else { return Ok(()) };
        // The client refuses what QEMU does not take, such as noncharacters.
        if Arguments::parse(&written).is_err() {
            let value: Result<Value, _> = serde_json::from_str(&written);
            prop_assert!(value.is_ok(), "{written} is not even JSON");
            return Ok(());
        }
        let message = format!(r#"{{"execute": "{command}", "arguments": {written}}}"#) + "\n";
        let mut server: Server = Server::monitor(Options::monitor());
        let mut output: Output = Output::new();
        let negotiation = b"{\"execute\": \"qmp_capabilities\"}\n";
        server.handle_input(&mut output, negotiation).unwrap();
        let step = server.handle_input(&mut output, message.as_bytes()).unwrap();
        let Some(Received::Command(received, _)) = step.received else {
            return Err(TestCaseError::fail(format!("{message} is not a command to the server")));
        };
        prop_assert_eq!(received.name(), command);
        let received: Value = received.decode().unwrap();
        prop_assert_eq!(received, serde_json::from_str::<Value>(&written).unwrap());
    }
}
