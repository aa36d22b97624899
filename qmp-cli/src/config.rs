//! The configuration: `$XDG_CONFIG_HOME/qmp/config.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, io};

use serde::Deserialize;

use crate::cli::duration;
use crate::exit::Failure;

/// What the configuration sets.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(crate) struct Config {
    /// The deadline of commands.
    #[serde(default)]
    timeout: Option<String>,
    /// The target that `@` stands for.
    #[serde(default)]
    default: Option<String>,
    #[serde(default)]
    targets: BTreeMap<String, Entry>,
    #[serde(default)]
    alias: BTreeMap<String, Alias>,
}

/// The sockets of a target.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a target is an address, or a table of the addresses `monitor` and `agent`"
)]
pub(crate) enum Entry {
    Monitor(String),
    Sockets(Sockets),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sockets {
    pub(crate) monitor: Option<String>,
    pub(crate) agent: Option<String>,
}

/// Words that a name stands for.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "an alias is a string, or a list of words")]
enum Alias {
    Text(String),
    Words(Vec<String>),
}

impl Config {
    /// Reads the configuration. Without a file it is empty.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or has an unknown key.
    pub(crate) fn read() -> Result<Self, Failure> {
        match path() {
            Some(path) => Self::read_from(&path),
            None => Ok(Self::default()),
        }
    }

    fn read_from(path: &Path) -> Result<Self, Failure> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                return Err(Failure::usage(format!("cannot read {}: {error}", path.display())));
            }
        };
        Self::parse(&text).map_err(|failure| failure.within(path.display()))
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
            Failure::usage(format!("line {line}: {}", error.message()))
        })?;
        config.timeout()?;
        Ok(config)
    }

    /// The deadline of commands.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>, Failure> {
        let read =
            |text: &String| duration(text).map_err(|why| Failure::usage(format!("timeout: {why}")));
        self.timeout.as_ref().map(read).transpose()
    }

    /// The target that `@` stands for, if no variable of the environment says so.
    pub(crate) fn default_target(&self) -> Option<&str> {
        self.default.as_deref()
    }

    pub(crate) fn target(&self, name: &str) -> Option<&Entry> {
        self.targets.get(name)
    }

    /// The names of all targets.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &str> {
        self.targets.keys().map(String::as_str)
    }

    /// The names of all aliases.
    pub(crate) fn aliases(&self) -> impl Iterator<Item = &str> {
        self.alias.keys().map(String::as_str)
    }

    /// Replaces the first word by what it stands for. An alias is not looked up in an alias.
    pub(crate) fn expand(&self, words: &mut Vec<String>) {
        let Some(alias) = words.first().and_then(|first| self.alias.get(first)) else { return };
        let expanded = match alias {
            Alias::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
            Alias::Words(words) => words.clone(),
        };
        words.splice(..1, expanded);
    }
}

/// Where the configuration is, whether it exists or not.
pub(crate) fn path() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let folder = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
    Some(folder?.join("qmp/config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_aliases_are_read() {
        let config = Config::parse(
            r#"
            timeout = "30s"
            [targets]
            vm1 = "unix:/run/vm1.qmp"
            vm2 = { monitor = "/run/vm2.qmp", agent = "/run/vm2.ga" }
            [alias]
            st = "query-status -q .status"
            boot = ["set-action", "reboot=reset now"]
            "#,
        );
        let config = config.unwrap();
        assert_eq!(config.timeout().unwrap(), Some(Duration::from_secs(30)));
        assert_eq!(config.targets().collect::<Vec<_>>(), ["vm1", "vm2"]);
        assert!(
            matches!(config.target("vm1"), Some(Entry::Monitor(it)) if it == "unix:/run/vm1.qmp")
        );
        let mut words = vec!["st".to_owned(), "-r".to_owned()];
        config.expand(&mut words);
        assert_eq!(words, ["query-status", "-q", ".status", "-r"]);
        let mut words = vec!["boot".to_owned()];
        config.expand(&mut words);
        assert_eq!(words, ["set-action", "reboot=reset now"]);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, why) in [
            ("\n[target]\nvm1 = \"x\"", "line 2: unknown field `target`, expected one of"),
            ("[targets]\nvm1 = 1", "line 2: a target is an address"),
            ("timeout = \"soon\"", "timeout: \"soon\" is not a duration"),
            ("[targets\n", "line 1: "),
        ] {
            let error = Config::parse(text).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
