//! From a target's name to an address.

use std::env;
use std::path::Path;

use qmp_blocking::Address;

use crate::config::{Config, Entry};
use crate::exit::{Code, Failure};

/// A server to connect to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) address: Address,
    /// Whether it is a guest agent.
    pub(crate) agent: bool,
    /// What to add to the error if the connection cannot be made.
    pub(crate) advice: Option<String>,
}

/// Finds the server that a target stands for. `agent` is whether the agent of it is meant.
///
/// # Errors
///
/// Returns an error if the target is not an address, or has no such socket.
pub(crate) fn resolve(name: &str, agent: bool, config: &Config) -> Result<Target, Failure> {
    if name == "@" {
        let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let set = variable("QMP_TARGET").or_else(|| variable("QMP_SOCKET"));
        return match set.as_deref().or_else(|| config.default_target()) {
            Some(name) if name != "@" => resolve(name, agent, config),
            _ => Err(Failure::usage(
                "@ stands for $QMP_TARGET or the configured default, and neither is set",
            )),
        };
    }
    if let Some(entry) = config.target(name) {
        let (address, agent) = socket_of(name, entry, agent)?;
        return target(address, agent, None).map_err(|failure| failure.within(name));
    }
    let is_name = !name.contains([':', '/']) && !Path::new(name).exists();
    let advice = is_name.then(|| match config.targets().next() {
        Some(_) => "the configuration has no target of this name, either".to_owned(),
        None => match crate::config::path() {
            Some(path) => format!("targets with names are set in {}", path.display()),
            None => "no target of this name is configured".to_owned(),
        },
    });
    target(name, agent, advice)
}

fn socket_of<'e>(name: &str, entry: &'e Entry, agent: bool) -> Result<(&'e str, bool), Failure> {
    let sockets = match entry {
        Entry::Monitor(address) if !agent => return Ok((address, false)),
        Entry::Monitor(_) => {
            let advice = format!("write {name} = {{ monitor = \"…\", agent = \"…\" }}");
            let text = format!("the configuration has no agent for {name}; {advice}");
            return Err(Failure::usage(text));
        }
        Entry::Sockets(sockets) => sockets,
    };
    match (&sockets.monitor, &sockets.agent, agent) {
        (_, Some(socket), true) | (None, Some(socket), false) => Ok((socket, true)),
        (Some(socket), _, false) => Ok((socket, false)),
        (_, None, _) => {
            let missing = if agent { "agent" } else { "monitor" };
            Err(Failure::usage(format!("the configuration has no {missing} for {name}")))
        }
    }
}

fn target(address: &str, agent: bool, advice: Option<String>) -> Result<Target, Failure> {
    match Address::parse(address) {
        Ok((address, _)) => Ok(Target { address, agent, advice }),
        Err(error) => Err(Failure::new(Code::Usage, error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        toml::from_str(
            r#"
            [targets]
            vm1 = "unix:/run/vm1.qmp"
            vm2 = { monitor = "/run/vm2.qmp", agent = "/run/vm2.ga" }
            guest = { agent = "/run/guest.ga" }
            "#,
        )
        .unwrap()
    }

    #[test]
    fn names_stand_for_sockets() {
        for (name, agent, address, is_agent) in [
            ("vm1", false, "unix:/run/vm1.qmp", false),
            ("vm2", false, "unix:/run/vm2.qmp", false),
            ("vm2", true, "unix:/run/vm2.ga", true),
            ("guest", false, "unix:/run/guest.ga", true),
            ("guest", true, "unix:/run/guest.ga", true),
            ("/run/x", true, "unix:/run/x", true),
            ("localhost:4444", false, "tcp:localhost:4444", false),
        ] {
            let target = resolve(name, agent, &config()).unwrap();
            assert_eq!(
                (target.address.to_string().as_str(), target.agent),
                (address, is_agent),
                "{name}"
            );
            assert_eq!(target.advice, None);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = resolve("vm1", true, &config()).unwrap_err();
        assert!(error.to_string().contains("no agent for vm1"), "{error}");
        let error = resolve("tcp:x", false, &config()).unwrap_err();
        assert_eq!(error.code, Code::Usage);
        let unknown = resolve("no-such-vm", false, &config()).unwrap();
        assert_eq!(unknown.address, Address::unix("no-such-vm"));
        assert!(unknown.advice.unwrap().contains("no target of this name"));
    }
}
