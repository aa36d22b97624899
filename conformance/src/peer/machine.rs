//! What a monitor's commands do.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::os::fd::OwnedFd;

use serde_json::{Value, json};

/// A machine without a guest.
#[derive(Debug, Default)]
pub(super) struct Machine {
    running: bool,
    has_quit: bool,
    files: BTreeMap<u64, File>,
    /// Names, and sizes in bytes.
    nodes: Vec<(Value, u64)>,
}

/// What a command came to.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) event: Option<String>,
    pub(super) answer: Result<Value, Value>,
}

impl Done {
    pub(super) const fn value(value: Value) -> Self {
        Self { event: None, answer: Ok(value) }
    }

    /// Of the class that nearly all errors have.
    pub(super) fn error(description: &str) -> Self {
        Self::of_class("GenericError", description)
    }

    pub(super) fn not_found(description: &str) -> Self {
        Self::of_class("CommandNotFound", description)
    }

    fn of_class(class: &str, description: &str) -> Self {
        Self { event: None, answer: Err(json!({"class": class, "desc": description})) }
    }

    fn after(event: &str, data: &str) -> Self {
        let time = "\"timestamp\": {\"seconds\": 1700000000, \"microseconds\": 5}";
        let event = format!("{{{time}, \"event\": \"{event}\"{data}}}");
        Self { event: Some(event), answer: Ok(json!({})) }
    }
}

impl Machine {
    pub(super) fn version() -> Value {
        json!({"qemu": {"micro": 0, "minor": 2, "major": 9}, "package": ""})
    }

    pub(super) const fn has_quit(&self) -> bool {
        self.has_quit
    }

    pub(super) fn execute(
        &mut self,
        name: &str,
        arguments: &Value,
        files: &mut VecDeque<OwnedFd>,
    ) -> Done {
        match name {
            "query-version" => Done::value(Self::version()),
            "query-name" => Done::value(json!({})),
            "query-status" => Done::value(json!({"running": self.running, "status": "prelaunch"})),
            "query-qmp-schema" => Done::value((0..1000).map(schema_entry).collect()),
            "human-monitor-command" => print(&arguments["command-line"]),
            "cont" => self.run(true),
            "stop" => self.run(false),
            "quit" => self.quit(),
            "migrate-pause" => Done::error("migrate-pause is currently only supported during post"),
            "add-fd" => self.add_file(&arguments["fdset-id"], files.pop_front()),
            "blockdev-add" => self.add_node(arguments),
            "query-named-block-nodes" => self.nodes(),
            _ => Done::not_found(&format!("The command {name} has not been found")),
        }
    }

    fn run(&mut self, running: bool) -> Done {
        let before = std::mem::replace(&mut self.running, running);
        match (before, running) {
            (false, true) => Done::after("RESUME", ""),
            (true, false) => Done::after("STOP", ""),
            _ => Done::value(json!({})),
        }
    }

    fn quit(&mut self) -> Done {
        self.has_quit = true;
        Done::after("SHUTDOWN", ", \"data\": {\"guest\": false, \"reason\": \"host-qmp-quit\"}")
    }

    fn add_file(&mut self, set: &Value, file: Option<OwnedFd>) -> Done {
        match (set.as_u64(), file) {
            (_, None) => Done::error("No file descriptor supplied via SCM_RIGHTS"),
            (None, _) => Done::error("Parameter 'fdset-id' expects a non-negative value"),
            (Some(set), Some(file)) => {
                self.files.insert(set, file.into());
                Done::value(json!({"fdset-id": set, "fd": set}))
            }
        }
    }

    fn add_node(&mut self, options: &Value) -> Done {
        let name = options["filename"].as_str();
        let set = name.and_then(|name| name.strip_prefix("/dev/fdset/")?.parse().ok());
        match set.and_then(|set: u64| self.files.get(&set)) {
            Some(file) => {
                let size = file.metadata().unwrap().len();
                self.nodes.push((options["node-name"].clone(), size));
                Done::value(json!({}))
            }
            None => Done::error(&format!("Could not open {name:?}")),
        }
    }

    fn nodes(&self) -> Done {
        let node = |(name, size): &(Value, u64)| {
            let image = json!({"virtual-size": size});
            json!({"node-name": name, "image": image})
        };
        Done::value(self.nodes.iter().map(node).collect())
    }
}

/// `print/d 42` is all that it can.
fn print(command: &Value) -> Done {
    let number = command.as_str().and_then(|command| command.strip_prefix("print/d "));
    match number {
        Some(number) => Done::value(json!(format!("{number}\r\n"))),
        None => Done::error("unknown command"),
    }
}

fn schema_entry(number: u32) -> Value {
    json!({"name": number.to_string(), "meta-type": "object", "members": []})
}
