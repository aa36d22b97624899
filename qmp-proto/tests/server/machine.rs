//! A virtual machine and a guest with the behaviour of the recordings.

use qmp_proto::server::{Command, Response};
use qmp_proto::{ErrorClass, RawJson, Timestamp};
use serde_json::Value;
use std::collections::VecDeque;

/// An event, and the reply.
pub(crate) struct Done {
    pub(crate) event: Option<(&'static str, Timestamp)>,
    pub(crate) response: Response<'static>,
}

#[derive(Debug, Default)]
pub(crate) struct Machine {
    pub(crate) is_guest: bool,
    /// The timestamps of the events to be emitted.
    pub(crate) times: VecDeque<Timestamp>,
}

impl Machine {
    pub(crate) fn run(&mut self, command: &Command<'_>) -> Done {
        let event = match command.name() {
            "stop" => Some("STOP"),
            "cont" => Some("RESUME"),
            _ => None,
        };
        let event = event.map(|name| (name, self.times.pop_front().unwrap()));
        let response = self
            .response(command)
            .unwrap_or_else(|description| Response::error(ErrorClass::GenericError, description));
        Done { event, response }
    }

    fn response(&self, command: &Command<'_>) -> Result<Response<'static>, String> {
        let name = command.name();
        let members: &[(&str, Kind)] = match (self.is_guest, name) {
            (false, "query-name" | "query-balloon" | "query-yank" | "stop" | "cont") => &[],
            (false, "human-monitor-command") => &[("command-line", Kind::String)],
            (false, "block_resize") => &[("node-name", Kind::String), ("size", Kind::Integer)],
            (false, "balloon") => &[("value", Kind::Integer)],
            (false, "getfd") => &[("fdname", Kind::String)],
            (true, "guest-ping" | "guest-suspend-ram") => &[],
            (true, "guest-file-write") => &[("handle", Kind::Integer), ("buf-b64", Kind::String)],
            _ => return Ok(Response::command_not_found(name)),
        };
        if name == "guest-suspend-ram" {
            let text = "Command guest-suspend-ram has been disabled";
            return Ok(Response::error(ErrorClass::CommandNotFound, text));
        }
        if command.is_out_of_band() && name != "query-yank" {
            return Ok(Response::no_out_of_band(name));
        }
        check(command, members)?;
        match name {
            "query-balloon" => {
                let text = "No balloon device has been activated";
                Ok(Response::error(ErrorClass::DeviceNotActive, text))
            }
            "query-yank" => {
                let text = r#"[{"type": "chardev", "id": "compat_monitor0"}]"#;
                Ok(Response::json(RawJson::parse(text).unwrap()))
            }
            "human-monitor-command" => {
                let text = r#""unknown command: 'nonsense'\r\n""#;
                Ok(Response::json(RawJson::parse(text).unwrap()))
            }
            "guest-file-write" => Err("handle '1' has not been found".into()),
            "getfd" => Err("No file descriptor supplied via SCM_RIGHTS".into()),
            _ => Ok(Response::empty()),
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Integer,
    String,
}

/// Checks arguments like the generated code of QEMU.
fn check(command: &Command<'_>, members: &[(&str, Kind)]) -> Result<(), String> {
    let text = command.arguments().map_or("{}", |arguments| arguments.as_str());
    let given: serde_json::Map<String, Value> = serde_json::from_str(text).unwrap();
    for (name, kind) in members {
        let value = given.get(*name).ok_or_else(|| format!("Parameter '{name}' is missing"))?;
        let (fits, expected) = match kind {
            Kind::Integer => (value.is_i64(), "integer"),
            Kind::String => (value.is_string(), "string"),
        };
        if !fits {
            return Err(format!("Invalid parameter type for '{name}', expected: {expected}"));
        }
    }
    let known = |name: &String| members.iter().any(|(known, _)| known == name);
    match given.keys().find(|name| !known(name)) {
        Some(name) => Err(format!("Parameter '{name}' is unexpected")),
        None => Ok(()),
    }
}
