//! The generated documentation contains only facts, fixed phrases and our own descriptions.

use std::fs;
use std::path::Path;

const FACTS: &str = include_str!("../../facts.txt");
const NOTES: &str = include_str!("../../../xtask/src/vocabulary/generate/notes.rs");

/// The beginnings of lines that are not descriptions. Text in backquotes is `X`, a version is `N`, and
/// a link is `(L)`.
const BEGINNINGS: &[&str] = &[
    "The command `X`",
    "The event `X`",
    "The enum `X`",
    "The struct `X`",
    "The union `X`",
    "The alternate `X`",
    "The branches of [`X`], selected by `X`",
    "Returns nothing",
    "Returns [`X`]",
    "Returns `X`",
    "Returns a list of [`X`]",
    "Returns a list of `X`",
    "Returns the value on the wire",
    "Returns the value of `X` on the wire",
    "Returns the name of the event",
    "Replies only if it fails",
    "Also supported by the storage daemon",
    "Depends on the target and on the build options of QEMU",
    "Deprecated",
    "Unstable",
    "Has the feature `X`",
    "[QEMU's manual](L)",
    "Creates a value",
    "Creates a value from its required members",
    "Creates a value without optional members",
    "Creates a value whose `X` is `X`",
    "Sets `X`",
    "`X` and the members of its branch",
    "A value that this crate does not know",
    "A value of any other JSON type",
    "An event that this crate does not know",
    "Any event",
    "Empty, which selects all events",
    "Sorted by name",
    "Its name",
    "Its data, or `X` if it has none",
    "`X`",
];

/// What can follow.
const ENDINGS: &[&str] = &[
    ", since QEMU N",
    ", since QEMU N or earlier, not in N",
    ", removed by N",
    ", required since N",
    " in QEMU N",
    ". Deprecated",
    ". Unstable",
    ". Has the feature `X`",
    ". May be executed out of band",
    ". The members of its branch are not kept",
    ".",
];

/// Replaces what differs between lines of the same form.
fn form(line: &str) -> String {
    let code = line.split('`').enumerate().map(|(at, part)| if at % 2 == 0 { part } else { "X" });
    let line = code.collect::<Vec<_>>().join("`");
    let line = match line.split_once("](https://") {
        Some((name, rest)) => format!("{name}](L){}", rest.split_once(')').unwrap().1),
        None => line,
    };
    let words = line.split(' ').map(|word| {
        let plain = word.trim_end_matches(['.', ',']);
        let is_version = crate::facts::number(plain).is_some();
        if is_version { word.replacen(plain, "N", 1) } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Returns whether a line consists of a beginning and endings.
fn is_fixed(line: &str) -> bool {
    let form = form(line);
    BEGINNINGS.iter().any(|beginning| form.strip_prefix(beginning).is_some_and(are_endings))
}

fn are_endings(rest: &str) -> bool {
    rest.is_empty()
        || ENDINGS.iter().any(|ending| rest.strip_prefix(ending).is_some_and(are_endings))
}

fn generated() -> impl Iterator<Item = String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated");
    fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
}

#[test]
fn each_line_of_documentation_is_of_a_fixed_form_or_a_description() {
    // Long descriptions have line breaks in the source.
    let notes = NOTES.split_whitespace().filter(|word| *word != "\\").collect::<Vec<_>>().join(" ");
    let mut count = 0;
    for text in generated() {
        for line in text.lines().filter_map(|line| line.trim_start().strip_prefix("///")) {
            let line = line.trim();
            let is_note = notes.contains(&format!("\"{line}\""));
            assert!(line.is_empty() || is_fixed(line) || is_note, "{line}");
            count += 1;
        }
    }
    assert!(count > 10_000, "{count}");
}

#[test]
fn a_sentence_of_somebody_else_is_noticed() {
    for line in [
        "Sets the name of the node.",
        "`node-name`: the node to use.",
        "The command `stop`, which pauses the guest.",
        "Deprecated since it was replaced.",
        "Returns the status of the guest.",
    ] {
        assert!(!is_fixed(line), "{line}");
    }
}

/// Facts are names and numbers.
#[test]
fn the_facts_contain_no_sentences() {
    for line in FACTS.lines() {
        assert!(line.split(' ').count() <= 12, "{line}");
        let plain = |it: char| it.is_ascii_alphanumeric() || "-_.:=#@?()[]>|, +".contains(it);
        assert!(line.chars().all(plain), "{line}");
    }
}
