//! What completion asks the server.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use qmp_blocking::types::schema::Schema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::complete::live::{Kind, Live};
use crate::shell::link::Link;

/// How long the server may take. After that, completion continues without it.
const PATIENCE: Duration = Duration::from_millis(150);

/// How long ids are used without being asked for again. Other replies are kept for a connection.
const FRESH: Duration = Duration::from_secs(2);

/// Asks the server of a shell, and keeps its replies for a while.
pub(crate) struct Asking {
    link: Link,
    known: RefCell<HashMap<String, Known>>,
    /// The schema, and the number of the connection on which it came.
    schema: RefCell<Option<(u64, Rc<Schema>)>>,
}

struct Known {
    /// The number of the connection.
    connection: u64,
    since: Instant,
    value: Value,
}

impl Asking {
    pub(crate) fn new(link: Link) -> Self {
        Self { link, known: RefCell::default(), schema: RefCell::default() }
    }

    /// Whether the server runs on this machine, so that its files can be completed.
    pub(crate) fn is_local(&self) -> bool {
        self.link.is_local()
    }

    /// The commands of the human monitor, or those of its `info`, each with a word about it.
    pub(crate) fn human_commands(&self, group: &str) -> Vec<(String, String)> {
        let line = format!("help {group}");
        let arguments = json!({"command-line": line.trim_end()});
        let text = self.ask("human-monitor-command", &arguments, None);
        text.as_str().map(|text| human_commands(text, group)).unwrap_or_default()
    }

    /// Returns null if the server does not answer in time, or with an error.
    fn ask(&self, command: &str, arguments: &Value, keep: Option<Duration>) -> Value {
        let Ok(connection) = self.link.connection() else { return Value::Null };
        let question = format!("{command} {arguments}");
        if let Some(known) = self.known.borrow().get(&question) {
            // A server that did not answer is not asked at each key.
            let keep = if known.value.is_null() { Some(FRESH) } else { keep };
            let is_fresh = keep.is_none_or(|keep| known.since.elapsed() < keep);
            if known.connection == connection.number && is_fresh {
                return known.value.clone();
            }
        }
        let command = connection.client.execute(command).arguments(arguments).timeout(PATIENCE);
        let reply = block_on(command).ok().and_then(|reply| reply.decode().ok());
        let value: Value = reply.unwrap_or_default();
        let (connection, since) = (connection.number, Instant::now());
        self.known.borrow_mut().insert(question, Known { connection, since, value: value.clone() });
        value
    }
}

impl Live for Asking {
    fn ids(&self, kind: Kind) -> Vec<(String, String)> {
        let (command, arguments) = kind.question();
        kind.ids(&self.ask(command, &arguments, Some(FRESH)))
    }

    fn commands(&self) -> Vec<String> {
        let (command, list, is_agent) = match self.link.is_agent() {
            true => ("guest-info", "/supported_commands", true),
            false => ("query-commands", "", false),
        };
        let reply = self.ask(command, &json!({}), None);
        let list = reply.pointer(list).and_then(Value::as_array);
        let enabled = list.into_iter().flatten().filter(|it| !is_agent || it["enabled"] == true);
        enabled.filter_map(|it| Some(it["name"].as_str()?.to_owned())).collect()
    }

    fn schema(&self) -> Option<Rc<Schema>> {
        let number = self.link.connection().ok()?.number;
        let known = self.schema.borrow().clone();
        if let Some((_, schema)) = known.filter(|(it, _)| *it == number) {
            return Some(schema);
        }
        let reply = self.ask("query-qmp-schema", &json!({}), Some(FRESH));
        let schema = Rc::new(Schema::deserialize(&reply).ok()?);
        *self.schema.borrow_mut() = Some((number, Rc::clone(&schema)));
        Some(schema)
    }

    fn drivers(&self) -> Vec<(String, String)> {
        let arguments = json!({"implements": "device", "abstract": false});
        let reply = self.ask("qom-list-types", &arguments, None);
        let types = reply.as_array().into_iter().flatten();
        types.filter_map(|it| Some((it["name"].as_str()?.to_owned(), String::new()))).collect()
    }

    fn properties(&self, driver: &str) -> Vec<(String, String)> {
        let reply = self.ask("device-list-properties", &json!({"typename": driver}), None);
        let properties = reply.as_array().into_iter().flatten();
        let property = |it: &Value| {
            let about = it["type"].as_str().unwrap_or_default();
            Some((it["name"].as_str()?.to_owned(), about.to_owned()))
        };
        properties.filter_map(property).collect()
    }
}

/// Reads the output of `help`: `name|alias arguments -- what it does`.
fn human_commands(text: &str, group: &str) -> Vec<(String, String)> {
    let mut commands = Vec::new();
    for line in text.lines() {
        let Some((usage, about)) = line.split_once(" -- ") else { continue };
        let usage = match group {
            "" => usage,
            group => match usage.strip_prefix(group).and_then(|rest| rest.strip_prefix(' ')) {
                Some(usage) => usage,
                None => continue,
            },
        };
        let names = usage.split(' ').next().unwrap_or_default();
        for name in names.split('|').filter(|name| !name.is_empty()) {
            commands.push((name.to_owned(), about.trim().to_owned()));
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_of_the_human_monitor_is_read() {
        let help = "c|cont  -- resume emulation\r\ncommit device|all -- commit changes\r\n\
                    info version  -- show the version\r\nno entry\r\n";
        let names = |group| {
            human_commands(help, group).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(""), ["c", "cont", "commit", "info"]);
        assert_eq!(names("info"), ["version"]);
    }
}
