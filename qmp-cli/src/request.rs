//! A command as it was written: by words, or as a whole message.

use std::cell::Cell;
use std::cmp::Reverse;
use std::io::Read;
use std::{fs, io};

use qmp_blocking::qmp_proto::RawMessage;
use qmp_blocking::types::describe::{BuiltIn, Vocabulary};

use crate::exit::Failure;
use crate::words::{self, Node, WordError};

/// A command before its types are known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    /// By name, with arguments.
    Words { name: String, members: Vec<(String, Node)>, is_secret_visible: bool },
    /// A whole message.
    Raw { text: String, name: String, id: Option<String>, out_of_band: bool },
}

impl Request {
    /// Reads a command.
    ///
    /// # Errors
    ///
    /// Returns a usage error if the words are not a command.
    pub(crate) fn parse(words: &[String], files: &Files) -> Result<Self, Failure> {
        let Some((name, rest)) = words.split_first() else {
            return Err(Failure::usage("the command is missing"));
        };
        if name.trim_start().starts_with('{') {
            return match rest.first() {
                None => Self::raw(name),
                Some(word) => Err(Failure::usage(format!(
                    "{word:?} follows a whole message; write its arguments into the message"
                ))),
            };
        }
        if name.contains('=') {
            return Err(Failure::usage(format!(
                "the name of the command is missing before {name:?}"
            )));
        }
        let from_file = |word: &String| word.contains("=@");
        let read = |file: &str| files.read(file);
        let members = words::arguments(rest.iter().map(String::as_str), read);
        Ok(Self::Words {
            name: name.clone(),
            members: members.map_err(|error| Failure::from(error).within(name))?,
            is_secret_visible: !rest.iter().any(from_file),
        })
    }

    fn raw(text: &str) -> Result<Self, Failure> {
        match RawMessage::parse(text) {
            Ok(message) => Ok(Self::Raw {
                name: message.name().to_owned(),
                id: message.id().map(|id| id.as_str().to_owned()),
                out_of_band: message.is_out_of_band(),
                text: text.to_owned(),
            }),
            Err(error) => {
                Err(Failure::usage(format!("the message is not JSON of a command: {error}")))
            }
        }
    }

    /// The name of the command.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Words { name, .. } | Self::Raw { name, .. } => name,
        }
    }

    /// Whether it is a command of the guest agent. No command of a monitor is called like one.
    pub(crate) fn is_for_agent(&self) -> bool {
        self.name().starts_with("guest-")
    }

    pub(crate) const fn is_out_of_band(&self) -> bool {
        matches!(self, Self::Raw { out_of_band: true, .. })
    }
}

/// Reads files that words name.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// Why stdin cannot be read.
    stdin_taken: Cell<Option<&'static str>>,
}

impl Files {
    /// For commands that are read from stdin.
    pub(crate) const fn without_stdin() -> Self {
        Self { stdin_taken: Cell::new(Some("the commands come from stdin")) }
    }

    fn read(&self, name: &str) -> Result<String, WordError> {
        let read = match name {
            "-" => match self.stdin_taken.replace(Some("it was read already")) {
                Some(why) => return Err(WordError::new(format!("@- cannot be read: {why}"))),
                None => {
                    let mut text = String::new();
                    io::stdin().read_to_string(&mut text).map(|_| text)
                }
            },
            name => fs::read_to_string(name),
        };
        read.map_err(|error| {
            let advice = "; a text that begins with @ is written KEY:='\"@…\"'";
            let advice = if error.kind() == io::ErrorKind::NotFound { advice } else { "" };
            WordError::new(format!("cannot read {name}: {error}{advice}"))
        })
    }
}

/// Returns the command of the vocabulary whose name is nearest to a mistyped one.
pub(crate) fn nearest_command(name: &str) -> Option<String> {
    nearest(name, BuiltIn.commands())
}

/// Returns the name that differs least, if it differs little.
pub(crate) fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
    let normal = |name: &str| name.to_ascii_lowercase().replace('_', "-");
    let wanted = normal(name);
    let distances = names
        .into_iter()
        .filter(|it| *it != name)
        .map(|it| (strsim::damerau_levenshtein(&wanted, &normal(it)), Reverse(it.len()), it));
    // Of two, the longer one: letters are left out more often than added.
    let (distance, _, found) = distances.min()?;
    (distance <= (name.len() / 5).clamp(1, 3)).then(|| found.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Request, Failure> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        Request::parse(&words, &Files::without_stdin())
    }

    #[test]
    fn a_command_is_words_or_a_message() {
        assert_eq!(parse(&["stop"]).unwrap().name(), "stop");
        assert!(parse(&["guest-ping"]).unwrap().is_for_agent());
        let raw = parse(&[r#" {"exec-oob": "query-yank", "id": [1]}"#]).unwrap();
        assert_eq!((raw.name(), raw.is_out_of_band()), ("query-yank", true));
        assert!(matches!(raw, Request::Raw { id: Some(id), .. } if id == "[1]"));
    }

    #[test]
    fn what_is_not_a_command_is_refused() {
        for (words, why) in [
            (&[][..], "the command is missing"),
            (&["id=x"], "the name of the command is missing"),
            (&["{"], "not JSON of a command"),
            (&["{\"execute\": \"stop\"}", "a=1"], "follows a whole message"),
            (&["stop", "x"], "stop: x: write KEY=TEXT"),
            (&["stop", "x=@-"], "stop: @- cannot be read: the commands come from stdin"),
            (&["stop", "x=@/no/such/file"], "stop: cannot read /no/such/file"),
        ] {
            let failure = parse(words).unwrap_err();
            assert!(failure.to_string().contains(why), "{failure}");
        }
    }

    #[test]
    fn a_mistyped_name_has_a_nearest_one() {
        assert_eq!(nearest_command("query-staus").as_deref(), Some("query-status"));
        assert_eq!(nearest_command("device-add").as_deref(), Some("device_add"));
        assert_eq!(nearest_command("blockdev_add").as_deref(), Some("blockdev-add"));
        assert_eq!(nearest_command("x"), None);
        assert_eq!(nearest_command("no-such-thing"), None);
    }
}
