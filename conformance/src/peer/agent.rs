//! The commands of the in-memory guest agent.

use std::os::fd::OwnedFd;

use qmp_driver::qmp_proto::server::{Options, Response, Server, Ticket};
use serde_json::{Value, json};

use super::serve::{Done, Role};

/// A guest agent whose guest cannot be shut down, with a file of zeros.
#[derive(Debug)]
pub(super) struct Agent;

impl Role for Agent {
    fn server(&self) -> Server {
        Server::agent(Options::agent())
    }

    fn execute(
        &mut self,
        name: &str,
        arguments: &Value,
        _: &Ticket,
        _: &mut Option<OwnedFd>,
    ) -> Done {
        match name {
            "guest-ping" => Response::empty().into(),
            "guest-info" => Done::value(&json!({"version": "9.2.0", "supported_commands": []})),
            "guest-file-open" => Done::value(&json!(1000)),
            "guest-file-read" => {
                let count = arguments["count"].as_u64().and_then(|count| count.try_into().ok());
                read(count.unwrap_or(0))
            }
            _ => Response::command_not_found(name).into(),
        }
    }
}

fn read(count: usize) -> Done {
    let zeros = "A".repeat(count.div_ceil(3) * 4);
    Done::value(&json!({"count": count, "buf-b64": zeros, "eof": true}))
}
