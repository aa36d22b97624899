//! Random errors in the facts, which a comparison with a schema must report.

use qmp_types::schema::Schema;

use crate::conform::walk;
use crate::facts::{Facts, number};
use crate::maker::random;

/// The number of errors that are tried.
const ERRORS: usize = 100;

/// The number of kinds of errors.
const KINDS: usize = 10;

/// Makes errors in facts that a schema contains, one at a time, and returns those that a comparison
/// does not report.
pub(crate) fn unnoticed(text: &str, schema: &Schema, version: usize) -> Vec<(String, String)> {
    let facts = Facts::read(text);
    let seen = walk(&facts, schema, version).seen;
    let lines: Vec<&str> = text.lines().collect();
    let witnessed: Vec<usize> =
        names(&lines).into_iter().filter(|(_, name)| seen.contains(name)).map(|it| it.0).collect();
    assert!(witnessed.len() > 1000, "{}", witnessed.len());
    let forms = forms(&lines);
    let other = other_versions(&lines, version);
    let (mut made, mut unnoticed, mut seed) = (0, Vec::new(), 42);
    while made < ERRORS {
        let at = witnessed[random(&mut seed, witnessed.len())];
        let kind = random(&mut seed, KINDS);
        // A schema contains neither conditions nor the names of an alternate's forms.
        let is_absent =
            lines[at].contains(" if") || forms.contains(&at) && ![1, 4, 5].contains(&kind);
        let Some(wrong) = wrong(lines[at], kind, &other).filter(|_| !is_absent) else { continue };
        let mut changed = lines.clone();
        changed[at] = &wrong;
        if walk(&Facts::read(&changed.join("\n")), schema, version).bad.is_empty() {
            unnoticed.push((lines[at].to_owned(), wrong));
        }
        made += 1;
    }
    unnoticed
}

/// Returns the line of each fact, and its name in a comparison.
fn names(lines: &[&str]) -> Vec<(usize, String)> {
    let mut item = "";
    let mut names = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let mut words = line.split(' ');
        match (words.next().unwrap(), words.next()) {
            ("=" | ".", Some(name)) => names.push((at, format!("{item}.{name}"))),
            ("|", Some(name)) => names.push((at, format!("{item}|{name}"))),
            ("versions" | "module", _) | (_, None) => {}
            (_, Some(name)) => {
                item = name;
                names.push((at, item.to_owned()));
            }
        }
    }
    names
}

/// Returns the lines of the forms of alternates.
fn forms(lines: &[&str]) -> Vec<usize> {
    let mut inside = false;
    let is_form = |(at, line): (usize, &&str)| {
        inside = line.starts_with("alternate ") || inside && line.starts_with(". ");
        (inside && line.starts_with(". ")).then_some(at)
    };
    lines.iter().enumerate().filter_map(is_form).collect()
}

/// Returns a range of versions that does not contain this version.
fn other_versions(lines: &[&str], version: usize) -> String {
    let versions: Vec<&str> = lines[0].split(' ').skip(1).collect();
    assert!(versions.iter().all(|version| number(version).is_some()), "{versions:?}");
    match versions.get(version + 1) {
        Some(next) => format!("{next}.."),
        None => format!("..{}", versions[version - 1]),
    }
}

/// Returns the line with an error, or `None` if it cannot have this kind of error.
fn wrong(line: &str, kind: usize, other_versions: &str) -> Option<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let is_member = words[0] == ".";
    let toggled = |of: &str| match of.strip_prefix('[') {
        Some(_) => of.replace(['[', ']'], ""),
        None => format!("[{of}]"),
    };
    Some(match kind {
        // Another name.
        0 => line.replacen(words[1], &format!("{}x", words[1]), 1),
        // Missing.
        1 if [".", "=", "|"].contains(&words[0]) => String::new(),
        // Of other versions.
        2 => format!("{line} {other_versions}"),
        // Optional instead of required, and vice versa.
        3 if is_member && line.contains(" ?") => line.replace(" ?", " "),
        3 if is_member => format!("{line} ?"),
        // Another type.
        4 if is_member && words[2] == "bool" => line.replacen(" bool", " str", 1),
        4 if is_member => line.replacen(&format!(" {}", words[2]), " bool", 1),
        // A list instead of a single value, and vice versa.
        5 if is_member => line.replacen(words[2], &toggled(words[2]), 1),
        // One more feature.
        6 if words[0] != "|" => format!("{line} #wrong"),
        // Out of band instead of in-band, and vice versa.
        7 if words[0] == "command" && words.contains(&"oob") => line.replace(" oob", ""),
        7 if words[0] == "command" => format!("{line} oob"),
        // Another return value.
        8 if words[0] == "command" => match words.iter().position(|word| *word == "->") {
            Some(at) => line.replacen(words[at + 1], &toggled(words[at + 1]), 1),
            None => format!("{line} -> int"),
        },
        // Another tag.
        9 if words[0] == "union" => line.replacen(" tag=", " tag=x", 1),
        _ => return None,
    })
}
