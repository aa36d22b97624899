//! Completion of a command line, from the built-in vocabulary and the configuration.
//!
//! For bash, zsh and fish no server is asked, even if no client is connected to it. A server that was
//! started with `wait=on` begins to run when a client connects, and a client that comes in the same
//! moment would have to wait; a key that completes a word must do neither. Nor is there a cache of
//! schemas: the vocabulary has all commands of QEMU 5.2 to 11.1, so that a cache would add only the
//! commands of other builds. The program's own shell has a connection, and adds what its server has.

#[cfg(test)]
mod golden;
pub(crate) mod live;
mod members;
mod place;
mod shells;

use clap::{CommandFactory, ValueEnum};
use qmp_blocking::Address;
use qmp_blocking::types::describe::{BuiltIn, History, Vocabulary};

use crate::cli::{Color, Events, Hmp, Shell, Top, Wait};
use crate::config::Config;
use crate::exit::Failure;
use crate::show;
use crate::target;
use crate::{NO_TARGET_VERBS, VERBS};

/// A way to continue a word.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// The whole word.
    pub(crate) text: String,
    pub(crate) about: String,
    /// Whether it is a member that the command cannot do without.
    pub(crate) is_required: bool,
}

/// The ways to continue the last word of a command line.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Candidates {
    pub(crate) list: Vec<Candidate>,
    /// Whether the names of files are candidates, too.
    pub(crate) files: bool,
    /// Whether what follows the `=` can be the path of a file on the server's machine.
    pub(crate) paths: bool,
}

/// Prints the candidates for a shell. `words` comes from the shell's script.
///
/// # Errors
///
/// Returns an error if the output cannot be written.
pub(crate) fn answer(words: &[String], config: &Config) -> Result<(), Failure> {
    let Some((shell, words)) = words.split_first() else { return Ok(()) };
    let Ok(shell) = Shell::from_str(shell, false) else { return Ok(()) };
    let words = shells::words(shell, words);
    let mut candidates = complete(&words, config);
    candidates.files |= candidates.paths && is_local(&words, config);
    show::write(shells::answer(shell, &words, &candidates).as_bytes())
}

/// Prints the script for a shell.
///
/// # Errors
///
/// Returns an error if the output cannot be written.
pub(crate) fn script(shell: Shell) -> Result<(), Failure> {
    show::write(shells::script(shell).as_bytes())
}

/// Whether the server of a command line is surely on this machine.
fn is_local(words: &[String], config: &Config) -> bool {
    let line = Line::read(words);
    let name = line.positional.first().copied().unwrap_or_default();
    let target = target::resolve(name, line.agent, config);
    target.is_ok_and(|it| matches!(it.address, Address::Unix(_) | Address::Abstract(_)))
}

/// Completes the last of these words, which may be empty.
pub(crate) fn complete(words: &[String], config: &Config) -> Candidates {
    let Some((current, before)) = words.split_last() else { return Candidates::default() };
    let line = Line::read(before);
    let mut candidates = line.candidates_with(current, config, &Offline);
    candidates.list.retain(|it| it.text.starts_with(current.as_str()));
    candidates
}

/// Completes the last of these words, which are a command and its arguments.
#[cfg(unix)]
pub(crate) fn call(words: &[&str], config: &Config, live: &impl live::Live) -> Candidates {
    let Some((current, before)) = words.split_last() else { return Candidates::default() };
    let words = before.iter().map(|word| (*word).to_owned());
    // The first word is in the place of the target.
    let all: Vec<_> = std::iter::once(".".to_owned()).chain(words).collect();
    let mut candidates = Line::read(&all).candidates_with(current, config, live);
    // In a shell, events are printed without being asked for, and the connection is made.
    candidates.list.retain(|it| !matches!(&*it.text, "events" | "doctor"));
    if before.is_empty() && !candidates.list.iter().any(|it| it.text.starts_with(current)) {
        // A part of a command's name is enough to find it.
        candidates.list.retain(|it| it.text.contains(current));
    } else {
        candidates.list.retain(|it| it.text.starts_with(current));
    }
    candidates
}

/// Completes the last of these words, which are an action of a transaction.
#[cfg(unix)]
pub(crate) fn action(words: &[&str], live: &impl live::Live) -> Candidates {
    let mut candidates = match words {
        [] | [_] => Candidates::of(members::actions()),
        [action, written @ .., current] => members::complete_action(action, written, current, live),
    };
    let current = words.last().copied().unwrap_or_default();
    candidates.list.retain(|it| it.text.starts_with(current));
    candidates
}

/// Returns the keys of the required arguments that these words lack.
#[cfg(unix)]
pub(crate) fn missing(words: &[&str], is_action: bool) -> Vec<String> {
    match words.split_first() {
        Some((command, written)) => members::missing(command, written, is_action),
        None => Vec::new(),
    }
}

/// The completion of names of events.
#[cfg(unix)]
pub(crate) fn event_names() -> Candidates {
    events()
}

/// No server.
struct Offline;

impl live::Live for Offline {}

/// The words before the cursor.
#[derive(Default)]
struct Line<'w> {
    /// What is neither an option nor the value of one.
    positional: Vec<&'w str>,
    /// The option whose value is at the cursor.
    option: Option<&'w str>,
    /// Where the words after `--` begin.
    command: Option<usize>,
    agent: bool,
}

impl<'w> Line<'w> {
    fn read(words: &'w [String]) -> Self {
        let mut line = Self::default();
        for word in words.iter().map(String::as_str) {
            if line.option.take().is_some() {
                continue;
            }
            match word {
                "--" => line.command = Some(line.positional.len()),
                "-" => line.positional.push(word),
                "--agent" | "-N" => line.agent = true,
                option if option.starts_with('-') => {
                    line.option = Some(option).filter(|it| takes_value(it));
                }
                word => line.positional.push(word),
            }
        }
        line
    }

    fn candidates_with(
        &self,
        current: &str,
        config: &Config,
        live: &impl live::Live,
    ) -> Candidates {
        match self.option {
            Some("--color") => {
                let colors =
                    Color::value_variants().iter().filter_map(ValueEnum::to_possible_value);
                return Candidates::of(colors.map(|it| (it.get_name().to_owned(), String::new())));
            }
            Some("--log" | "--fd") => return Candidates::files(),
            Some("--until") => return events(),
            Some(_) => return Candidates::default(),
            None => {}
        }
        let verb = self.positional.get(1).copied();
        if current.starts_with('-') && verb != Some("hmp") {
            return self.options(verb);
        }
        match self.positional.as_slice() {
            [] => targets(config),
            ["completions"] => {
                let shells =
                    Shell::value_variants().iter().filter_map(ValueEnum::to_possible_value);
                Candidates::of(shells.map(|it| (it.get_name().to_owned(), String::new())))
            }
            ["man"] => Candidates::files(),
            ["launch", ..] => Candidates::files(),
            ["help" | "completions" | "man" | "ls", ..] => Candidates::default(),
            [_] => self.commands(true, config, live),
            [_, "events" | "wait", rest @ ..] => match self.command {
                None => events(),
                Some(start) => self.call(
                    rest.get(start.saturating_sub(2)..).unwrap_or_default(),
                    current,
                    config,
                    live,
                ),
            },
            [_, "hmp" | "doctor" | "-", ..] => Candidates::default(),
            [_, "raw", rest @ ..] => self.call(rest, current, config, live),
            [_, rest @ ..] => self.call(rest, current, config, live),
        }
    }

    /// A command and its arguments.
    fn call(
        &self,
        words: &[&str],
        current: &str,
        config: &Config,
        live: &impl live::Live,
    ) -> Candidates {
        let mut words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        config.expand(&mut words);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        match words.split_first() {
            None => self.commands(false, config, live),
            Some((command, written)) => members::complete(command, written, current, live),
        }
    }

    fn commands(&self, verbs: bool, config: &Config, live: &impl live::Live) -> Candidates {
        let mut list = Vec::new();
        if verbs {
            list.extend(
                VERBS.iter().map(|(verb, about)| ((*verb).to_owned(), (*about).to_owned())),
            );
            list.extend(config.aliases().map(|alias| (alias.to_owned(), "an alias".to_owned())));
        }
        let commands = match live.commands() {
            names if names.is_empty() => {
                let names = BuiltIn.commands().into_iter();
                names
                    .filter(|it| !self.agent || it.starts_with("guest-"))
                    .map(str::to_owned)
                    .collect()
            }
            names => names,
        };
        list.extend(commands.into_iter().map(|name| (name.clone(), about(&name))));
        // What should not be used any more comes last.
        list.sort_by_key(|(_, about)| about.contains("deprecated") || about.contains("removed"));
        Candidates::of(list)
    }

    fn options(&self, verb: Option<&str>) -> Candidates {
        let command = match verb {
            Some("events") => Events::command(),
            Some("wait") => Wait::command(),
            Some("hmp") => Hmp::command(),
            _ => Top::command(),
        };
        let option = |arg: &clap::Arg| {
            let about = arg.get_help().map(ToString::to_string).unwrap_or_default();
            Some((format!("--{}", arg.get_long()?), about))
        };
        Candidates::of(command.get_arguments().filter_map(option).collect::<Vec<_>>())
    }
}

impl Candidates {
    pub(crate) fn of(list: impl IntoIterator<Item = (String, String)>) -> Self {
        let candidate = |(text, about)| Candidate { text, about, is_required: false };
        Self { list: list.into_iter().map(candidate).collect(), ..Self::default() }
    }

    const fn files() -> Self {
        Self { list: Vec::new(), files: true, paths: false }
    }
}

fn takes_value(option: &str) -> bool {
    let events = Events::command();
    let mut options = events.get_arguments();
    options.any(|arg| {
        let is_it = match option.strip_prefix("--") {
            Some(long) => arg.get_long() == Some(long),
            None => arg.get_short().is_some_and(|short| option.ends_with(short)),
        };
        is_it && arg.get_action().takes_values()
    }) || option == "--cpu"
}

fn targets(config: &Config) -> Candidates {
    let named = config.targets().map(|name| (name.to_owned(), "a target".to_owned()));
    let verbs =
        NO_TARGET_VERBS.iter().map(|(verb, about)| ((*verb).to_owned(), (*about).to_owned()));
    Candidates { files: true, ..Candidates::of(named.chain(verbs)) }
}

fn events() -> Candidates {
    Candidates::of(BuiltIn.events().into_iter().map(|name| (name.to_owned(), about(name))))
}

fn about(name: &str) -> String {
    BuiltIn.describe(name).map(|it| history(&it.history)).unwrap_or_default()
}

fn history(history: &History) -> String {
    let mut parts = Vec::new();
    if let Some((major, minor)) = history.gone {
        parts.push(format!("removed in {major}.{minor}"));
    }
    parts.extend(
        history.features.iter().filter(|it| *it == "deprecated" || *it == "unstable").cloned(),
    );
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        let config: Config =
            toml::from_str("targets.vm1 = \"/x\"\nalias.st = \"query-status\"").unwrap();
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        complete(&words, &config).list.into_iter().map(|it| it.text).collect()
    }

    #[test]
    fn each_place_of_a_line_has_its_candidates() {
        for (line, expected) in [
            ("vm", &["vm1"][..]),
            ("comp", &["completions"]),
            ("completions b", &["bash"]),
            ("-p vm1 query-sta", &["query-status", "query-stats", "query-stats-schemas"]),
            ("vm1 s", &["st"]),
            ("vm1 --timeout 5 query-statu", &["query-status"]),
            ("--agent vm1 guest-pin", &["guest-ping"]),
            ("vm1 events DEVICE_DEL", &["DEVICE_DELETED"]),
            ("vm1 events --until DEVICE_DEL", &["DEVICE_DELETED"]),
            ("vm1 wait STOP -- balloo", &["balloon"]),
            ("vm1 wait STOP -- balloon val", &["value="]),
            ("vm1 --color al", &["always"]),
            ("vm1 events --whe", &["--where"]),
            ("vm1 raw balloo", &["balloon"]),
            ("vm1 hmp inf", &[]),
            ("vm1 balloon v", &["value="]),
        ] {
            let texts = texts(line);
            let texts: Vec<_> = texts.iter().map(String::as_str).collect();
            match line {
                "vm1 s" => assert!(texts.contains(&"st") && texts.contains(&"stop"), "{texts:?}"),
                "-p vm1 query-sta" => {
                    assert!(expected.iter().all(|it| texts.contains(it)), "{texts:?}");
                }
                _ => assert_eq!(texts, expected, "{line}"),
            }
        }
    }
}
