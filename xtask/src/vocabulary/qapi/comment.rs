//! Reads version numbers from the comments of a schema. Nothing else of the comments is used.

use std::collections::BTreeMap;

/// A version of QEMU, major and minor.
pub(crate) type Version = (u16, u16);

/// The versions in a comment block.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Since {
    pub(super) definition: Option<Version>,
    pub(super) members: BTreeMap<String, Version>,
}

/// Reads the `Since:` of the definition and the `(since x.y)` of its members.
pub(super) fn since(comment: &[&str]) -> Since {
    let mut found = Since::default();
    let mut sections: Vec<(Option<&str>, String)> = Vec::new();
    let mut among_features = false;
    for line in comment.iter().skip(1) {
        let text = line.trim();
        let member = text.strip_prefix('@').and_then(|rest| rest.split_once(':'));
        // A member that is mentioned inside a sentence does not begin a section.
        let member = member.filter(|(name, _)| !name.contains(' ') && line.starts_with(" @"));
        if let Some((name, rest)) = member {
            sections.push((Some(name).filter(|_| !among_features), rest.to_owned()));
        } else if text == "Features:" {
            among_features = true;
        } else if is_tag(line, text) {
            sections.push((None, text.to_owned()));
        } else if let Some((_, section)) = sections.last_mut() {
            section.push(' ');
            section.push_str(text);
        }
    }
    for (member, section) in sections {
        match member {
            Some(name) => {
                // The last paragraph of the last member may contain the definition's own version.
                if let Some(version) = in_parentheses(&section) {
                    found.members.insert(name.to_owned(), version);
                }
            }
            None if section.starts_with("Since") => found.definition = number(&section[5..]),
            None => {}
        }
    }
    found
}

/// Returns whether a line begins a section such as `Since:` or `Returns:`.
fn is_tag(line: &str, text: &str) -> bool {
    let word = text.split_once(':').map(|(word, _)| word);
    line.starts_with(' ')
        && !line.starts_with("  ")
        && word.is_some_and(|word| {
            ["Since", "Returns", "Return", "Errors", "Notes", "Note", "Example", "Examples", "TODO"]
                .contains(&word)
        })
}

/// Returns the version in `(since 2.6)` or `(Since: 2.6, ...)`.
fn in_parentheses(section: &str) -> Option<Version> {
    let lower = section.to_ascii_lowercase();
    let at = lower.find("(since")?;
    number(&section[at + "(since".len()..])
}

/// Returns the version at the beginning, after spaces and a colon.
fn number(text: &str) -> Option<Version> {
    let text = text.trim_start_matches([' ', ':']);
    let end = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
    let mut parts = text[..end].split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_and_nothing_else() {
        let comment = [
            " @cmd:",
            "",
            " Does this (since 9.9).",
            "",
            " @a: An option",
            "     of two lines.  (since",
            "     2.6)",
            "",
            " @b: Another (Since: 0.14.1, default on)",
            "",
            " @c: See @d: it is the same.",
            "",
            " Features:",
            "",
            " @unstable: Is a feature (since 8.0).",
            "",
            " Returns: x",
            "",
            " Since: 1.3",
        ];
        let since = since(&comment);
        assert_eq!(since.definition, Some((1, 3)));
        let members: Vec<_> = since.members.into_iter().collect();
        assert_eq!(members, [("a".to_owned(), (2, 6)), ("b".to_owned(), (0, 14))]);
    }
}
