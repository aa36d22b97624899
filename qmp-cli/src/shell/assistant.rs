//! What the editor asks while a line is written: completion and hints.

use std::borrow::Cow;
use std::cell::Cell;
use std::fs;

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::{Hint, Hinter};
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use crate::complete::{self, Candidate, Candidates};
use crate::config::Config;
use crate::shell::asking::Asking;
use crate::shell::colon;
use crate::shell::partial::Partial;
use crate::shell::transaction::Transaction;

/// What a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A command.
    #[default]
    Command,
    /// An action of a transaction.
    Action,
    /// A line of the human monitor.
    Human,
}

/// Completes lines, and names the arguments that are missing.
pub(crate) struct Assistant<'c> {
    pub(crate) mode: Mode,
    /// Whether something is written in the line.
    pub(crate) has_text: Cell<bool>,
    asking: Asking,
    config: &'c Config,
    /// Hints are told from the line by their colour.
    has_hints: bool,
}

impl<'c> Assistant<'c> {
    pub(crate) fn new(asking: Asking, config: &'c Config, has_hints: bool) -> Self {
        Self { mode: Mode::default(), has_text: Cell::default(), asking, config, has_hints }
    }

    /// Returns the candidates for the last word of a line, and where that word begins.
    fn candidates(&self, line: &str) -> (Partial, Candidates) {
        let (mode, skipped, line) = self.part(line);
        let mut partial = Partial::read(line);
        partial.start += skipped;
        let words: Vec<_> = partial.words.iter().map(String::as_str).collect();
        let candidates = match mode {
            _ if line.starts_with(':') => colon_candidates(&words),
            Mode::Human => self.human(&words),
            Mode::Action => complete::action(&words, &self.asking),
            Mode::Command if line.starts_with('{') => Candidates::default(),
            Mode::Command => complete::call(&words, self.config, &self.asking),
        };
        (partial, candidates)
    }

    /// Returns what the line at the cursor is, and the part of it after `!` or `transaction(`.
    fn part<'l>(&self, line: &'l str) -> (Mode, usize, &'l str) {
        let trimmed = line.trim_start();
        let (mode, rest) = match self.mode {
            _ if trimmed.starts_with(':') => (Mode::Command, trimmed),
            Mode::Command => match (trimmed.strip_prefix('!'), Transaction::begins(trimmed)) {
                (Some(rest), _) => (Mode::Human, rest.trim_start()),
                (_, Some(rest)) => (Mode::Action, rest.trim_start()),
                _ => (Mode::Command, trimmed),
            },
            mode => (mode, trimmed),
        };
        (mode, line.len() - rest.len(), rest)
    }

    fn human(&self, words: &[&str]) -> Candidates {
        let (group, current) = match words {
            [current] => ("", current),
            ["info", current] => ("info", current),
            ["help" | "?", current] => ("", current),
            _ => return Candidates::default(),
        };
        let mut candidates = Candidates::of(self.asking.human_commands(group));
        candidates.list.retain(|it| it.text.starts_with(*current));
        candidates
    }
}

impl Completer for Assistant<'_> {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let line = line.get(..position).unwrap_or(line);
        let (partial, candidates) = self.candidates(line);
        let mut pairs: Vec<_> = candidates.list.iter().map(pair).collect();
        let current = partial.words.last().map(String::as_str).unwrap_or_default();
        let has_files = candidates.files || candidates.paths && self.asking.is_local();
        if let (true, Some((key, value))) = (has_files, current.split_once('=')) {
            let (sign, path) = match value.strip_prefix('@') {
                Some(path) => ("=@", path),
                None => ("=", value),
            };
            let files = files(path)
                .into_iter()
                .map(|it| Pair { replacement: quoted(&format!("{key}{sign}{it}")), display: it });
            pairs.extend(files);
        }
        Ok((partial.start, pairs))
    }
}

/// What a candidate looks like in the list, and what it puts in the line.
fn pair(candidate: &Candidate) -> Pair {
    let Candidate { text, about, .. } = candidate;
    let display = match about.is_empty() {
        true => text.clone(),
        false => format!("{text}  {about}"),
    };
    let mut replacement = quoted(text);
    if !text.ends_with(['=', '.', ']']) {
        replacement.push(' ');
    }
    Pair { display: qmp_blocking::Escaped(display).to_string(), replacement }
}

/// Writes a word so that it is read as one word.
fn quoted(word: &str) -> String {
    match word.contains([' ', '\t', '\'', '"', '\\', '#']) {
        // An escaped dot of a name needs no quotes beyond its own.
        true => shlex::try_quote(word).map_or_else(|_| word.to_owned(), Cow::into_owned),
        false => word.to_owned(),
    }
}

/// The paths that continue this one.
fn files(path: &str) -> Vec<String> {
    let (folder, start) = match path.rsplit_once('/') {
        Some((folder, start)) => (format!("{folder}/"), start),
        None => (String::new(), path),
    };
    let shown = if folder.is_empty() { "." } else { &folder };
    let Ok(entries) = fs::read_dir(shown) else { return Vec::new() };
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let is_hidden = name.starts_with('.') && !start.starts_with('.');
            let is_folder = entry.path().is_dir();
            (name.starts_with(start) && !is_hidden)
                .then(|| format!("{folder}{name}{}", if is_folder { "/" } else { "" }))
        })
        .collect();
    files.sort();
    files
}

fn colon_candidates(words: &[&str]) -> Candidates {
    let on_or_off = || ["on", "off"].map(|it| (it.to_owned(), String::new()));
    let mut candidates = match words {
        [_] => Candidates::of(
            colon::COMMANDS
                .iter()
                .map(|(name, _, about)| ((*name).to_owned(), (*about).to_owned())),
        ),
        [":events", ..] => {
            let mut events = complete::event_names();
            events.list.extend(Candidates::of(on_or_off()).list);
            events
        }
        [command, _] => match colon::COMMANDS.iter().find(|(name, ..)| name == command) {
            Some((_, "on|off", _)) => Candidates::of(on_or_off()),
            _ => Candidates::default(),
        },
        _ => Candidates::default(),
    };
    let current = words.last().copied().unwrap_or_default();
    candidates.list.retain(|it| it.text.starts_with(current));
    candidates
}

/// The arguments that are missing, which are shown and never become a part of the line.
pub(crate) struct Missing(String);

impl Hint for Missing {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Hinter for Assistant<'_> {
    type Hint = Missing;

    fn hint(&self, line: &str, position: usize, _: &Context<'_>) -> Option<Missing> {
        self.has_text.set(!line.is_empty());
        let is_between_words = line.ends_with([' ', '(']);
        if !self.has_hints || position < line.len() || !is_between_words {
            return None;
        }
        let (mode, _, line) = self.part(line);
        if mode == Mode::Human || line.starts_with([':', '{']) {
            return None;
        }
        let partial = Partial::read(line);
        let (_, before) = partial.words.split_last()?;
        let mut words = before.to_vec();
        self.config.expand(&mut words);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let missing = complete::missing(&words, mode == Mode::Action);
        (!missing.is_empty()).then(|| Missing(missing.join(" ")))
    }
}

impl Highlighter for Assistant<'_> {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        let style = anstyle::Style::new().dimmed();
        Cow::Owned(format!("{style}{hint}{style:#}"))
    }
}

impl Helper for Assistant<'_> {}
impl Validator for Assistant<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_is_written_as_one_word() {
        let of = |text: &str| {
            pair(&Candidate { text: text.into(), about: "x\u{1b}".into(), is_required: false })
        };
        assert_eq!(of("stop").replacement, "stop ");
        assert_eq!(of("id=").replacement, "id=");
        assert_eq!(of("id=a b").replacement, "'id=a b' ");
        assert_eq!(of("stop").display, "stop  x\\u{1b}");
    }

    #[test]
    fn files_continue_a_path() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        fs::write(folder.path().join("image.qcow2"), "").unwrap();
        fs::write(folder.path().join(".hidden"), "").unwrap();
        let start = folder.path().to_str().unwrap();
        assert_eq!(
            files(&format!("{start}/i")),
            [format!("{start}/image.qcow2"), format!("{start}/inner/")]
        );
        assert!(files(&format!("{start}/none/")).is_empty());
    }
}
