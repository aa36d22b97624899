//! Commands of the shell itself: `:events`, `:hmp` and so on.

use std::path::PathBuf;

use crate::exit::Failure;
use crate::request::nearest;
use crate::shell::event_line::Selection;

/// Their names, what follows them, and what they do.
pub(crate) const COMMANDS: [(&str, &str, &str); 12] = [
    (":events", "on|off|NAME...", "which events are printed"),
    (":json", "on|off", "print events as JSON"),
    (":pretty", "on|off", "indent values"),
    (":hmp", "", "enter the human monitor; Ctrl-D leaves it"),
    (":cpu", "NUMBER|off", "the virtual CPU that lines of the human monitor are about"),
    (":actions", "", "list the actions of the transaction"),
    (":undo", "", "remove the last action of the transaction"),
    (":wire", "on|off", "print all messages, with secrets masked"),
    (":log", "FILE|off", "append all messages to a file, with secrets masked"),
    (":reconnect", "", "connect again"),
    (":help", "", "print this list"),
    (":quit", "", "leave; the virtual machine continues"),
];

/// A command of the shell.
#[derive(Debug, PartialEq)]
pub(crate) enum Colon {
    Events(Selection),
    Json(Option<bool>),
    Pretty(Option<bool>),
    Hmp,
    Cpu(Option<u32>),
    Actions,
    Undo,
    Wire(Option<bool>),
    Log(Option<PathBuf>),
    Reconnect,
    Help,
    Quit,
}

impl Colon {
    /// Reads a line that begins with a colon.
    ///
    /// # Errors
    ///
    /// Returns a usage error if there is no such command, or if it takes other words.
    pub(crate) fn parse(line: &str) -> Result<Self, Failure> {
        let words = shlex::split(line).ok_or_else(|| Failure::usage("a quote is not closed"))?;
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let Some((name, rest)) = words.split_first() else { return Ok(Self::Help) };
        let usage = || match COMMANDS.iter().find(|(it, ..)| it == name) {
            Some((name, words, _)) => Failure::usage(format!("write {name} {words}")),
            None => {
                let nearest = nearest(name, COMMANDS.map(|(name, ..)| name));
                let meant = nearest.map(|it| format!("is {it} meant?"));
                let advice =
                    meant.unwrap_or_else(|| ":help lists the commands of the shell".into());
                Failure::usage(format!("there is no {name}; {advice}"))
            }
        };
        Ok(match (*name, rest) {
            (":events", [] | ["on"]) => Self::Events(Selection::All),
            (":events", ["off"]) => Self::Events(Selection::None),
            (":events", names) => {
                Self::Events(Selection::Names(names.iter().map(|it| (*it).to_owned()).collect()))
            }
            (":json", rest) => Self::Json(switch(rest).ok_or_else(usage)?),
            (":pretty", rest) => Self::Pretty(switch(rest).ok_or_else(usage)?),
            (":wire", rest) => Self::Wire(switch(rest).ok_or_else(usage)?),
            (":hmp", []) => Self::Hmp,
            (":cpu", ["off"]) => Self::Cpu(None),
            (":cpu", [number]) => Self::Cpu(Some(number.parse().map_err(|_| usage())?)),
            (":actions", []) => Self::Actions,
            (":undo", []) => Self::Undo,
            (":log", ["off"]) => Self::Log(None),
            (":log", [file]) => Self::Log(Some(PathBuf::from(file))),
            (":reconnect", []) => Self::Reconnect,
            (":help" | ":", []) => Self::Help,
            (":quit" | ":q", []) => Self::Quit,
            _ => return Err(usage()),
        })
    }
}

/// Reads `on` or `off`; nothing is the opposite of what it is.
#[allow(clippy::option_option)]
fn switch(words: &[&str]) -> Option<Option<bool>> {
    match words {
        [] => Some(None),
        ["on"] => Some(Some(true)),
        ["off"] => Some(Some(false)),
        _ => None,
    }
}

/// Lists the commands.
pub(crate) fn help() -> String {
    let mut text = String::new();
    for (name, words, about) in COMMANDS {
        text.push_str(&format!("{:<22} {about}\n", format!("{name} {words}")));
    }
    text.push_str(
        "!LINE                  run a line in the human monitor\n\
         transaction(           begin a transaction: one action a line, and ) to execute all or none\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_is_read() {
        for (line, command) in [
            (":events", Colon::Events(Selection::All)),
            (":events off", Colon::Events(Selection::None)),
            (":events A B", Colon::Events(Selection::Names(vec!["A".into(), "B".into()]))),
            (":json", Colon::Json(None)),
            (":pretty off", Colon::Pretty(Some(false))),
            (":wire on", Colon::Wire(Some(true))),
            (":cpu 1", Colon::Cpu(Some(1))),
            (":log 'a b'", Colon::Log(Some("a b".into()))),
            (":q", Colon::Quit),
        ] {
            assert_eq!(Colon::parse(line).unwrap(), command, "{line}");
        }
        for (line, why) in [
            (":evens", "there is no :evens; is :events meant?"),
            (":xyz", ":help lists"),
            (":cpu x", "write :cpu NUMBER|off"),
            (":hmp x", "write :hmp"),
            (":json maybe", "write :json on|off"),
            (":log 'a", "a quote is not closed"),
        ] {
            let failure = Colon::parse(line).unwrap_err();
            assert!(failure.to_string().contains(why), "{failure}");
        }
        for (name, ..) in COMMANDS {
            assert!(
                help().contains(name)
                    && Colon::parse(name)
                        .err()
                        .is_none_or(|it| it.to_string().starts_with("write ")),
                "{name}"
            );
        }
    }
}
