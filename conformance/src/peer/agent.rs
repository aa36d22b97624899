//! How a guest agent speaks, and what its commands do.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use serde_json::{Value, json};

use super::{Course, Speaker};

/// A guest agent whose guest cannot be shut down, with a file of zeros.
#[derive(Debug)]
pub(super) struct Agent;

impl Speaker for Agent {
    /// It does not.
    fn greet(&mut self) -> String {
        String::new()
    }

    fn answer(&mut self, message: &Value, _: &mut VecDeque<OwnedFd>) -> (Vec<u8>, Course) {
        let name = message["execute"].as_str().unwrap();
        let (kind, value) = match execute(name, &message["arguments"]) {
            Some(value) => ("return", value),
            None => {
                let description = format!("The command {name} has not been found");
                ("error", json!({"class": "CommandNotFound", "desc": description}))
            }
        };
        let sentinel: &[u8] = if name == "guest-sync-delimited" { b"\xff" } else { b"" };
        let answer = format!("{{\"{kind}\": {value}, \"id\": {}}}\n", message["id"]);
        ([sentinel, answer.as_bytes()].concat(), Course::On)
    }
}

fn execute(name: &str, arguments: &Value) -> Option<Value> {
    match name {
        "guest-sync" | "guest-sync-delimited" => Some(arguments["id"].clone()),
        "guest-ping" => Some(json!({})),
        "guest-info" => Some(json!({"version": "9.2.0", "supported_commands": []})),
        "guest-file-open" => Some(json!(1000)),
        "guest-file-read" => {
            let count = usize::try_from(arguments["count"].as_u64()?).ok()?;
            let zeros = "A".repeat(count.div_ceil(3) * 4);
            Some(json!({"count": count, "buf-b64": zeros, "eof": true}))
        }
        _ => None,
    }
}
