//! The walk beside a schema that was recorded: it agrees, and it would not with wrong facts.

use std::fs;
use std::path::Path;

use qmp_types::schema::Schema;
use serde_json::Value;

use crate::conform::walk;
use crate::facts::Facts;

const TEXT: &str = include_str!("../../facts.txt");

/// QEMU 7.2's, of the recorded sessions.
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

/// A fact with its line, and what it is called in a walk.
fn lines() -> Vec<(usize, String)> {
    let mut item = String::new();
    let mut lines = Vec::new();
    for (at, line) in TEXT.lines().enumerate() {
        let mut words = line.split(' ');
        match (words.next().unwrap(), words.next()) {
            ("=" | ".", Some(name)) => lines.push((at, format!("{item}.{name}"))),
            ("|", Some(name)) => lines.push((at, format!("{item}|{name}"))),
            ("versions" | "module", _) | (_, None) => {}
            (_, Some(name)) => {
                item = name.to_owned();
                lines.push((at, item.clone()));
            }
        }
    }
    lines
}

/// The lines of the forms of alternates.
fn forms() -> Vec<usize> {
    let mut inside = false;
    let is_form = |(at, line): (usize, &str)| {
        inside = line.starts_with("alternate ") || inside && line.starts_with(". ");
        (inside && line.starts_with(". ")).then_some(at)
    };
    TEXT.lines().enumerate().filter_map(is_form).collect()
}

/// The line with an error in it, or nothing if this kind of error is not to be made there.
fn wrong(line: &str, kind: usize) -> Option<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let member = words[0] == ".";
    Some(match kind {
        // Another name.
        0 => line.replacen(words[1], &format!("{}x", words[1]), 1),
        // Left out.
        1 if [".", "=", "|"].contains(&words[0]) => String::new(),
        // Of a later version.
        2 => format!("{line} 10.0.."),
        // Optional where it is not, and the other way.
        3 if member && line.contains(" ?") => line.replace(" ?", " "),
        3 if member => format!("{line} ?"),
        // Another type.
        4 if member && words[2] == "bool" => line.replacen(" bool", " str", 1),
        4 if member && words[2] != "bool" => line.replacen(&format!(" {}", words[2]), " bool", 1),
        // A list, or none.
        5 if member && words[2].starts_with('[') => line.replace(['[', ']'], ""),
        5 if member => line.replacen(words[2], &format!("[{}]", words[2]), 1),
        // A feature more.
        6 if words[0] != "|" => format!("{line} #wrong"),
        // Out of band or not.
        7 if words[0] == "command" && words.contains(&"oob") => line.replace(" oob", ""),
        7 if words[0] == "command" => format!("{line} oob"),
        _ => return None,
    })
}

#[test]
fn of_a_hundred_errors_in_the_facts_a_hundred_are_noticed() {
    let schema = recorded();
    let facts = Facts::read(TEXT);
    let seen = walk(&facts, &schema, VERSION).seen;
    let witnessed: Vec<(usize, String)> =
        lines().into_iter().filter(|(_, name)| seen.contains(name)).collect();
    assert!(witnessed.len() > 3000);
    let forms = forms();
    let (mut made, mut missed) = (0, Vec::new());
    let mut seed = 42_u64;
    let mut pick = |limit: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % limit
    };
    while made < 100 {
        let (at, _) = witnessed[pick(witnessed.len())];
        let line = TEXT.lines().nth(at).unwrap();
        let kind = pick(8);
        // A schema does not tell what a build may lack, nor the names of an alternate's forms.
        let untold = line.contains(" if") || forms.contains(&at) && ![1, 4, 5].contains(&kind);
        let Some(wrong) = wrong(line, kind).filter(|_| !untold) else { continue };
        let text: Vec<&str> = TEXT
            .lines()
            .enumerate()
            .map(|(it, line)| if it == at { &wrong } else { line })
            .collect();
        let text = text.join("\n");
        made += 1;
        if walk(&Facts::read(&text), &schema, VERSION).bad.is_empty() {
            missed.push((line, wrong));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
