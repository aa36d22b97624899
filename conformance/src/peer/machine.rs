//! The commands of the in-memory monitor.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;

use qmp_driver::qmp_proto::server::{Options, Response, Server, Ticket};
use qmp_driver::{ErrorClass, Version};
use serde_json::{Value, json};

use super::serve::{Done, Role};

/// A machine without a guest.
#[derive(Debug, Default)]
pub(super) struct Machine {
    is_running: bool,
    has_quit: bool,
    /// By the number of their set.
    files: BTreeMap<u64, File>,
    /// Names, and sizes in bytes.
    nodes: Vec<(Value, u64)>,
}

impl Role for Machine {
    fn server(&self) -> Server {
        Server::monitor(Options::monitor().version(Version::new(9, 2, 0)))
    }

    fn execute(
        &mut self,
        name: &str,
        arguments: &Value,
        ticket: &Ticket,
        file: &mut Option<OwnedFd>,
    ) -> Done {
        if ticket.is_out_of_band() && name != "migrate-pause" {
            return Response::no_out_of_band(name).into();
        }
        match name {
            "query-version" => {
                let version = json!({"micro": 0, "minor": 2, "major": 9});
                Done::value(&json!({"qemu": version, "package": ""}))
            }
            "query-name" => Response::empty().into(),
            "query-status" => {
                let status = if self.is_running { "running" } else { "prelaunch" };
                Done::value(&json!({"running": self.is_running, "status": status}))
            }
            "query-qmp-schema" => Done::value(&(0..1000).map(schema_entry).collect()),
            "human-monitor-command" => print(&arguments["command-line"]),
            "cont" => self.run(true),
            "stop" => self.run(false),
            "quit" => self.quit(),
            "migrate-pause" => error("migrate-pause is for migrations alone"),
            "add-fd" => self.add_file(&arguments["fdset-id"], file.take()),
            "blockdev-add" => self.add_node(arguments),
            "query-named-block-nodes" => self.nodes(),
            _ => Response::command_not_found(name).into(),
        }
    }

    fn has_quit(&self) -> bool {
        self.has_quit
    }
}

impl Machine {
    fn run(&mut self, run: bool) -> Done {
        let was_running = std::mem::replace(&mut self.is_running, run);
        match (was_running, run) {
            (false, true) => after("RESUME", None),
            (true, false) => after("STOP", None),
            _ => Response::empty().into(),
        }
    }

    fn quit(&mut self) -> Done {
        self.has_quit = true;
        after("SHUTDOWN", Some(json!({"guest": false, "reason": "host-qmp-quit"})))
    }

    fn add_file(&mut self, set: &Value, file: Option<OwnedFd>) -> Done {
        match (set.as_u64(), file) {
            (_, None) => error("No file descriptor supplied via SCM_RIGHTS"),
            (None, _) => error("Parameter 'fdset-id' expects a non-negative value"),
            (Some(set), Some(file)) => {
                self.files.insert(set, file.into());
                Done::value(&json!({"fdset-id": set, "fd": set}))
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
                Response::empty().into()
            }
            None => error("there is no such file"),
        }
    }

    fn nodes(&self) -> Done {
        let node = |(name, size): &(Value, u64)| {
            json!({
                "node-name": name, "file": "", "drv": "file", "ro": true, "encrypted": false,
                "backing_file_depth": 0, "detect_zeroes": "off", "write_threshold": 0,
                "bps": 0, "bps_rd": 0, "bps_wr": 0, "iops": 0, "iops_rd": 0, "iops_wr": 0,
                "cache": {"writeback": true, "direct": false, "no-flush": false},
                "image": {"filename": "", "format": "file", "virtual-size": size},
            })
        };
        Done::value(&self.nodes.iter().map(node).collect())
    }
}

fn error(description: &'static str) -> Done {
    Response::error(ErrorClass::GenericError, description).into()
}

fn after(event: &'static str, data: Option<Value>) -> Done {
    Done { event: Some((event, data)), response: Response::empty() }
}

/// Supports only `print/d 42`.
fn print(command: &Value) -> Done {
    let number = command.as_str().and_then(|command| command.strip_prefix("print/d "));
    match number {
        Some(number) => Done::value(&json!(format!("{number}\r\n"))),
        None => error("unknown command"),
    }
}

fn schema_entry(number: u32) -> Value {
    match number {
        0 => {
            json!({"name": "query-status", "meta-type": "command", "arg-type": "1", "ret-type": "1"})
        }
        number => json!({"name": number.to_string(), "meta-type": "object", "members": []}),
    }
}
