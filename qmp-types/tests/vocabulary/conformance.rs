//! The facts agree with a recorded schema, and wrong facts do not.

use std::fs;
use std::path::Path;

use qmp_types::schema::Schema;
use serde_json::Value;

use crate::conform::walk;
use crate::facts::Facts;
use crate::teeth::unnoticed;

const TEXT: &str = include_str!("../../facts.txt");

/// Returns the schema of QEMU 7.2 in the recorded sessions.
pub(crate) fn recorded() -> Schema {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../qmp-proto/tests/data/transcripts/schema_7.2.jsonl");
    let text = fs::read_to_string(file).unwrap();
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let hex: String = records
        .filter(|record| record["dir"] == "s2c")
        .map(|record| record["hex"].as_str().unwrap().to_owned())
        .collect();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    let lines = bytes.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let is_schema = |reply: &Value| reply[0]["meta-type"].is_string();
    let mut replies = messages.map(|message| message["return"].clone());
    serde_json::from_value(replies.find(is_schema).unwrap()).unwrap()
}

const VERSION: usize = 1; // 7.2

#[test]
fn the_recorded_schema_agrees_with_the_facts() {
    let found = walk(&Facts::read(TEXT), &recorded(), VERSION);
    assert!(found.bad.is_empty(), "{:#?}", found.bad);
    assert!(found.seen.len() > 3000, "{}", found.seen.len());
}

#[test]
fn of_a_hundred_errors_in_the_facts_a_hundred_are_noticed() {
    let unnoticed = unnoticed(TEXT, &recorded(), VERSION);
    assert!(unnoticed.is_empty(), "{unnoticed:#?}");
}
