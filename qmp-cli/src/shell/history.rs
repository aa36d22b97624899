//! The history: `$XDG_STATE_HOME/qmp/history`, which only its owner can read.

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use qmp_blocking::qmp_proto;
use qmp_blocking::types::describe::BuiltIn;

use crate::words::typing::string;
use crate::words::{self, Typing};

/// How many lines are kept.
pub(crate) const LINES: usize = 10_000;

/// The file of the history. Lines are appended one at a time, so that several shells can share it.
pub(crate) struct History {
    file: Option<File>,
}

impl History {
    /// Opens the file and returns it with the last lines. Without a file there is a history of this
    /// shell alone.
    pub(crate) fn open() -> (Self, Vec<String>) {
        match path().map(|path| Self::open_at(&path)) {
            Some(Ok(history)) => history,
            _ => (Self { file: None }, Vec::new()),
        }
    }

    fn open_at(path: &Path) -> io::Result<(Self, Vec<String>)> {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).mode(0o600).open(path)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        let text = String::from_utf8_lossy(&fs::read(path)?).into_owned();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        if lines.len() > 2 * LINES {
            lines.drain(..lines.len() - LINES);
            file = replace(path, &lines)?;
        }
        lines.drain(..lines.len().saturating_sub(LINES));
        Ok((Self { file: Some(file) }, lines))
    }

    /// Appends a line. Without space on the disk it is not kept.
    pub(crate) fn append(&mut self, line: &str) {
        if let Some(file) = &mut self.file {
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
    }
}

/// Writes the file anew, and returns it opened for appending.
fn replace(path: &Path, lines: &[String]) -> io::Result<File> {
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new);
    let mut options = OpenOptions::new();
    let mut file = options.append(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all((lines.join("\n") + "\n").as_bytes())?;
    fs::rename(&new, path)?;
    Ok(file)
}

fn path() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let folder = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")));
    Some(folder?.join("qmp/history"))
}

/// Whether a line may be kept: it begins with no blank and contains no secret.
pub(crate) fn may_keep(line: &str) -> bool {
    !line.is_empty() && !line.starts_with(char::is_whitespace) && !may_be_secret(line)
}

/// Whether a line has a secret in it, as far as that can be told from it.
fn may_be_secret(line: &str) -> bool {
    let lines = line.strip_prefix("transaction(").unwrap_or(line).trim();
    if let Some(human) = lines.strip_prefix('!').or_else(|| lines.strip_prefix("hmp ")) {
        return has_secret(&human_message(human)) || sounds_secret(human);
    }
    if lines.starts_with('{') {
        return has_secret(lines);
    }
    match message(lines) {
        Some(message) => has_secret(&message),
        None => sounds_secret(lines),
    }
}

/// The message of a line of words, without reading the files that it names.
fn message(line: &str) -> Option<String> {
    let words = shlex::split(line)?;
    let words: Vec<_> = words.into_iter().filter(|word| !word.starts_with('-')).collect();
    let (name, rest) = words.split_first()?;
    let rest = rest.iter().map(String::as_str).filter(|it| it.contains('=') && !it.contains("=@"));
    let members = words::arguments(rest, |_| Ok(String::new())).ok()?;
    let typed = Typing::new(vec![&BuiltIn], &[]).arguments(name, &members).ok()?;
    Some(format!(r#"{{"execute": {}, "arguments": {}}}"#, string(name), typed.json))
}

fn human_message(line: &str) -> String {
    let arguments = format!(r#"{{"command-line": {}}}"#, string(line));
    format!(r#"{{"execute": "human-monitor-command", "arguments": {arguments}}}"#)
}

fn has_secret(message: &str) -> bool {
    qmp_proto::redact(message.as_bytes()) != message.as_bytes()
}

/// For lines that cannot be read as a command.
fn sounds_secret(line: &str) -> bool {
    let line = line.to_lowercase();
    ["pass", "secret", "key", "token", "auth", "data="].iter().any(|word| line.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_a_secret_or_a_blank_in_front_are_not_kept() {
        for line in [
            "set_password protocol=vnc password=hunter2",
            "object-add qom-type=secret id=s data=hunter2",
            "transaction( set_password password=hunter2",
            r#"{"execute": "set_password", "arguments": {"password": "hunter2"}}"#,
            r#"{"execute": "set_password", "arguments": {"password": "hunter2"#,
            "set_password password='hunter2",
            "!set_password vnc hunter2",
            "!change vnc password hunter2",
            "hmp change vnc password hunter2",
            " query-status",
            "",
        ] {
            assert!(!may_keep(line), "{line}");
        }
        for line in [
            "query-status -q .status",
            "blockdev-add driver=null-co node-name=d0 size=1M",
            "set_password protocol=vnc password=@file",
            "!info version",
            ":events off",
            "transaction(",
            ")",
            r#"{"execute": "stop"}"#,
        ] {
            assert!(may_keep(line), "{line}");
        }
    }

    #[test]
    fn the_file_is_for_its_owner_and_is_never_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/qmp/history");
        let (mut one, lines) = History::open_at(&path).unwrap();
        assert!(lines.is_empty());
        one.append("first");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let (mut two, lines) = History::open_at(&path).unwrap();
        assert_eq!(lines, ["first"]);
        two.append("second");
        one.append("third");
        assert_eq!(fs::read_to_string(&path).unwrap(), "first\nsecond\nthird\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let many: String = (0..2 * LINES + 1).map(|number| format!("{number}\n")).collect();
        fs::write(&path, many).unwrap();
        let (mut three, lines) = History::open_at(&path).unwrap();
        assert_eq!((lines.len(), lines[0].as_str()), (LINES, "10001"));
        three.append("last");
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!((text.lines().count(), text.lines().last()), (LINES + 1, Some("last")));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
