//! How a monitor speaks.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use serde_json::{Value, json};

use super::machine::{Done, Machine};
use super::{Course, Speaker};

/// A monitor, whoever its client is.
#[derive(Debug, Default)]
pub(super) struct Monitor {
    machine: Machine,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Greeted,
    Ready {
        out_of_band: bool,
    },
}

impl Speaker for Monitor {
    fn greet(&mut self) -> String {
        self.phase = Phase::Greeted;
        let version = Machine::version();
        format!("{{\"QMP\": {{\"version\": {version}, \"capabilities\": [\"oob\"]}}}}\r\n")
    }

    fn answer(&mut self, message: &Value, files: &mut VecDeque<OwnedFd>) -> (Vec<u8>, Course) {
        let urgent = message.get("exec-oob").and_then(Value::as_str);
        let name = urgent.or_else(|| message.get("execute").and_then(Value::as_str)).unwrap();
        let arguments = &message["arguments"];
        let done = match (self.phase, name) {
            (Phase::Greeted, "qmp_capabilities") => self.negotiate(arguments),
            (Phase::Greeted, _) => {
                Done::not_found("Expecting capabilities negotiation with 'qmp_capabilities'")
            }
            (Phase::Ready { out_of_band: false }, _) if urgent.is_some() => {
                Done::error("QMP input member 'exec-oob' is unexpected")
            }
            _ if urgent.is_some() && name != "migrate-pause" => {
                Done::error(&format!("The command {name} does not support OOB"))
            }
            _ => self.machine.execute(name, arguments, files),
        };
        let (kind, value) = match &done.answer {
            Ok(value) => ("return", value.to_string()),
            Err(error) => ("error", error.to_string()),
        };
        let event = done.event.map_or_else(String::new, |event| event + "\r\n");
        let answer = format!("{event}{{\"{kind}\": {value}, \"id\": {}}}\r\n", message["id"]);
        let course = if self.machine.has_quit() { Course::Ended } else { Course::On };
        (answer.into_bytes(), course)
    }
}

impl Monitor {
    fn negotiate(&mut self, arguments: &Value) -> Done {
        let enabled = arguments["enable"].as_array();
        let out_of_band = enabled.is_some_and(|enabled| enabled.contains(&json!("oob")));
        self.phase = Phase::Ready { out_of_band };
        Done::value(json!({}))
    }
}
