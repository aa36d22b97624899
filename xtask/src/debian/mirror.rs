//! The Debian mirror of this machine.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::process;

/// Returns the mirror of Debian's main archive: `DEBIAN_MIRROR` if set, otherwise the one in apt's
/// settings. On a distribution derived from Debian there may be none.
pub(super) fn find() -> Result<Option<String>> {
    if let Ok(mirror) = std::env::var("DEBIAN_MIRROR") {
        return Ok(Some(mirror));
    }
    // The most reliable source, but it has no output until `apt-get update` ran once.
    let targets = process::read(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(LABEL) $(REPO_URI)",
        "Created-By: Packages",
    ]))?;
    let mut mirrors = targets.lines().filter_map(|line| line.strip_prefix("Debian "));
    Ok(mirrors.next().map(str::to_owned).or_else(|| from_sources(Path::new("/etc/apt"))))
}

/// Returns the first Debian mirror in apt's source files.
fn from_sources(etc_apt: &Path) -> Option<String> {
    let mut files = vec![etc_apt.join("sources.list")];
    if let Ok(entries) = fs::read_dir(etc_apt.join("sources.list.d")) {
        let mut parts: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        parts.sort();
        files.extend(parts);
    }
    files.into_iter().find_map(|file| {
        let text = fs::read_to_string(&file).ok()?;
        match file.extension()?.to_str()? {
            "list" => one_line_format(&text),
            "sources" => deb822_format(&text),
            _ => None,
        }
    })
}

/// Parses `deb [options] URI SUITE COMPONENT...`, one source per line.
fn one_line_format(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let mut rest = line.trim().strip_prefix("deb ")?.trim_start();
        if rest.starts_with('[') {
            rest = rest.split_once(']')?.1;
        }
        let mut words = rest.split_whitespace();
        let (uri, suite) = (words.next()?, words.next()?);
        is_main_archive(uri, suite, words).then(|| uri.to_owned())
    })
}

/// Parses stanzas of `Field: value` lines, separated by empty lines.
fn deb822_format(text: &str) -> Option<String> {
    // A comment may be anywhere and does not end a stanza.
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines.split(|line| line.trim().is_empty()).find_map(|stanza| {
        let words = |name| field(stanza, name).unwrap_or_default();
        let off = words("enabled").first().is_some_and(|word| word.eq_ignore_ascii_case("no"));
        if off || !words("types").contains(&"deb") {
            return None;
        }
        let (uris, suites) = (words("uris"), words("suites"));
        let uri = uris.first()?;
        is_main_archive(uri, suites.first()?, words("components").into_iter())
            .then(|| (*uri).to_owned())
    })
}

/// Returns the words of one field, including those on continuation lines.
fn field<'a>(stanza: &[&'a str], name: &str) -> Option<Vec<&'a str>> {
    let start = stanza.iter().position(|line| {
        line.split_once(':').is_some_and(|(key, _)| key.trim().eq_ignore_ascii_case(name))
    })?;
    let first = stanza[start].split_once(':')?.1;
    let more = stanza[start + 1..].iter().take_while(|line| line.starts_with([' ', '\t']));
    Some(std::iter::once(first).chain(more.copied()).flat_map(str::split_whitespace).collect())
}

/// Returns whether a source is Debian itself: not its security updates, not another vendor's
/// archive.
fn is_main_archive<'a>(
    uri: &str,
    suite: &str,
    mut components: impl Iterator<Item = &'a str>,
) -> bool {
    let debian = uri.contains("debian") && !uri.contains("security");
    debian && !suite.contains("security") && components.any(|component| component == "main")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_sources_are_read_past_options_comments_and_other_archives() {
        let text = "\
            # deb http://old.example/debian buster main\n\
            deb https://packages.example.com/apt cloud-sdk main\n\
            deb-src http://mirror.example/debian bookworm main\n\
            deb http://mirror.example/debian-security bookworm-security main\n\
            deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib\n";
        assert_eq!(one_line_format(text).unwrap(), "http://mirror.example/debian");
    }

    #[test]
    fn deb822_sources_are_read_past_comments_disabled_stanzas_and_security() {
        let text = "\
            Types: deb\n\
            URIs: http://off.example/debian\n\
            Suites: sid\n\
            Components: main\n\
            Enabled: no\n\
            \n\
            Types: deb\n\
            URIs: http://mirror.example/debian-security\n\
            Suites: trixie-security\n\
            Components: main\n\
            \n\
            types: deb-src deb\n\
            # pinned\n\
            URIs:\n http://mirror.example/debian\n\
            Suites: trixie trixie-updates\n\
            Components: contrib main\n";
        assert_eq!(deb822_format(text).unwrap(), "http://mirror.example/debian");
    }

    #[test]
    fn another_vendors_archive_is_no_mirror_of_debian() {
        assert_eq!(one_line_format("deb http://mirror.example/ubuntu noble main"), None);
        assert_eq!(
            deb822_format("Types: deb\nURIs: http://m.example/ubuntu\nSuites: noble\n"),
            None
        );
    }
}
