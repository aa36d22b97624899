//! The generated documentation contains only facts, fixed phrases and our own descriptions.

use std::fs;
use std::path::Path;

const FACTS: &str = include_str!("../../facts.txt");
const NOTES: &str = include_str!("../../../xtask/src/vocabulary/generate/notes.rs");

/// How a line of the documentation may begin, unless it is a note.
const PHRASES: &[&str] = &[
    "The command `",
    "The event `",
    "The enum `",
    "The struct `",
    "The union `",
    "The alternate `",
    "Returns nothing.",
    "Returns [`",
    "Returns `",
    "Returns a list of ",
    "Replies only when it fails.",
    "May be executed out of band.",
    "Of the storage daemon, too.",
    "Depends on the target or on how QEMU was built.",
    "Deprecated",
    "Unstable",
    "Has the feature `",
    "[QEMU's manual](https://",
    "With what is required.",
    "With the `",
    "Sets `",
    "The value as it is on the wire.",
    "The value of `",
    "A value that is not listed",
    "A form that is not listed.",
    "Any event: each that is known, and what is known of any other.",
    "The event's name.",
    "All events there are.",
    "An event that is not listed.",
    "Sorted by name.",
    "Its name.",
    "Its data; `{}` if it has none.",
    "`",
];

fn generated() -> impl Iterator<Item = String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated");
    fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
}

#[test]
fn each_line_of_documentation_is_of_a_fixed_form_or_a_note() {
    // Notes are broken where they are long.
    let notes = NOTES.split_whitespace().filter(|word| *word != "\\").collect::<Vec<_>>().join(" ");
    let mut count = 0;
    for text in generated() {
        for line in text.lines().filter_map(|line| line.trim_start().strip_prefix("///")) {
            let line = line.trim();
            let fixed = line.is_empty() || PHRASES.iter().any(|phrase| line.starts_with(phrase));
            assert!(fixed || notes.contains(line), "{line}");
            count += 1;
        }
    }
    assert!(count > 10_000, "{count}");
}

/// The longest thing in the facts is a name: no sentence is.
#[test]
fn the_facts_hold_no_sentences() {
    for line in FACTS.lines() {
        assert!(line.split(' ').count() <= 12, "{line}");
        let plain = |it: char| it.is_ascii_alphanumeric() || "-_.:=#@?()[]>|, +".contains(it);
        assert!(line.chars().all(plain), "{line}");
    }
}
