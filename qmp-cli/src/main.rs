//! `qmp`, a command-line tool for QEMU, the storage daemon and the guest agent.

#![forbid(unsafe_code)]

mod batch;
mod cli;
mod complete;
mod config;
mod connect;
mod doctor;
mod events;
mod exit;
mod filter;
mod hmp;
#[cfg(unix)]
mod launch;
mod ls;
mod man;
#[cfg(unix)]
mod names;
mod request;
mod run;
mod send;
#[cfg(unix)]
mod shell;
mod show;
mod target;
mod waiting;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::config::Config;
use crate::exit::{Code, Failure};

/// Verbs that stand in the place of a command, and what they do.
const VERBS: [(&str, &str); 5] = [
    ("events", "print events"),
    ("wait", "wait for an event"),
    ("hmp", "run a line in the human monitor"),
    ("doctor", "check the server and its socket"),
    ("raw", "a command that is called like a verb"),
];

/// Verbs that stand in the place of a target.
const NO_TARGET_VERBS: [(&str, &str); 5] = [
    ("completions", "print a script for a shell"),
    ("help", "print the help of a verb"),
    ("launch", "start QEMU with a shell"),
    ("ls", "list the running servers and their sockets"),
    ("man", "write the manual pages"),
];

fn main() -> ExitCode {
    waiting::watch();
    match dispatch(std::env::args_os().collect()) {
        Ok(code) => ExitCode::from(code),
        Err(End::Clap(error)) => {
            // An error of stdout or stderr cannot be reported there.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Code::Usage as u8))
        }
        Err(End::Failed(failure)) => {
            let text = failure.to_string();
            if !text.is_empty() {
                show::tell(text);
            }
            ExitCode::from(failure.code as u8)
        }
    }
}

/// Why the program fails.
enum End {
    /// Help, the version, or a mistake on the command line.
    Clap(clap::Error),
    Failed(Failure),
}

impl From<clap::Error> for End {
    fn from(error: clap::Error) -> Self {
        Self::Clap(error)
    }
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Does what the command line says. Returns the exit code, which is 0 unless it is a program's.
fn dispatch(args: Vec<OsString>) -> Result<u8, End> {
    #[cfg(unix)]
    {
        if let Some(result) = names::run(&args) {
            return result;
        }
        if args.get(1).is_some_and(|first| first == "launch") {
            return run::launch(&cli::Launch::try_parse_from(args.into_iter().skip(1))?, false);
        }
    }
    if args.get(1).is_some_and(|first| first == "ls") {
        return Ok(ls::run(cli::Ls::try_parse_from(args.into_iter().skip(1))?.json).map(|()| 0)?);
    }
    answer(args).map(|()| 0)
}

fn answer(args: Vec<OsString>) -> Result<(), End> {
    if args.get(1).is_some_and(|first| first == "__complete") {
        let words = args.into_iter().skip(2).filter_map(|word| word.into_string().ok());
        let words: Vec<_> = words.filter(|word| word != "--").collect();
        // A mistake in the configuration must not spoil the line that is being written.
        return Ok(complete::answer(&words, &Config::read().unwrap_or_default())?);
    }
    let top = cli::Top::try_parse_from(args)?;
    let with_name = |name: &str| {
        let rest = top.rest.iter().cloned();
        std::iter::once(name.to_owned()).chain(rest).collect::<Vec<_>>()
    };
    match top.target.as_deref() {
        Some("completions") => {
            let arguments = cli::Completions::try_parse_from(with_name("completions"))?;
            Ok(complete::script(arguments.shell)?)
        }
        Some("man") => {
            let arguments = cli::Man::try_parse_from(with_name("man"))?;
            Ok(man::write(arguments.folder.as_deref())?)
        }
        Some("help") => {
            let mut command = match top.rest.first().map(String::as_str) {
                Some("events") => cli::Events::command(),
                Some("wait") => cli::Wait::command(),
                Some("hmp") => cli::Hmp::command(),
                Some("doctor") => cli::Doctor::command(),
                Some("launch") => cli::Launch::command(),
                Some("ls") => cli::Ls::command(),
                _ => cli::Top::command(),
            };
            Ok(show::write(command.render_long_help().to_string().as_bytes())?)
        }
        Some(target) => run::run(target, top.options, top.rest.clone()),
        None => {
            let kind = clap::error::ErrorKind::MissingRequiredArgument;
            Err(cli::Top::command().error(kind, "the target is missing").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qmp_blocking::types::describe::{BuiltIn, Vocabulary};

    #[test]
    fn no_verb_is_called_like_a_command() {
        let commands = BuiltIn.commands();
        for (verb, _) in VERBS.iter().chain(&NO_TARGET_VERBS) {
            assert!(!commands.contains(verb), "{verb}");
        }
    }
}
