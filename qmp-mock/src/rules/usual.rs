//! Default replies.

use qmp_proto::OwnedRawJson;
use qmp_proto::server::Response;
use serde_json::{Value, json};

use crate::act::Act;
use crate::builder::Setup;
use crate::{Failure, ReceivedCommand};

const MONITOR: [&str; 7] =
    ["add-fd", "getfd", "query-commands", "query-name", "query-status", "query-version", "quit"];
/// The commands that QEMU 7.2 to 11.1 can execute out of band.
pub(crate) const OUT_OF_BAND: [&str; 4] =
    ["migrate-pause", "migrate-recover", "query-yank", "yank"];
const AGENT: [&str; 2] = ["guest-info", "guest-ping"];

/// Returns the steps for a common command. `rules` contains the names of the commands with a rule.
pub(crate) fn usual(
    setup: &Setup,
    command: &ReceivedCommand,
    rules: &[String],
) -> Option<Vec<Act>> {
    if !setup.usual_answers {
        return None;
    }
    if setup.agent {
        return match command.name() {
            "guest-ping" => Some(vec![Act::answer(Response::empty())]),
            "guest-info" => answer(&guest_info(rules)),
            _ => None,
        };
    }
    match command.name() {
        "query-version" => answer(&version(setup)),
        "query-status" => answer(&json!({"status": "running", "running": true})),
        "query-name" => answer(&json!({})),
        "query-commands" => answer(&names(&MONITOR, rules)),
        "getfd" => with_descriptor(command, &json!({})),
        "add-fd" => with_descriptor(command, &json!({"fdset-id": 0, "fd": 3})),
        "quit" => {
            let data = json!({"guest": false, "reason": "host-qmp-quit"});
            let data = OwnedRawJson::serialize(&data).ok();
            let shutdown = Act::Event { name: "SHUTDOWN".to_owned(), data };
            Some(vec![shutdown, Act::answer(Response::empty()), Act::HangUp])
        }
        _ => None,
    }
}

fn answer(value: &Value) -> Option<Vec<Act>> {
    Response::value(value).ok().map(|response| vec![Act::answer(response)])
}

fn with_descriptor(command: &ReceivedCommand, value: &Value) -> Option<Vec<Act>> {
    if command.descriptor().is_some() {
        return answer(value);
    }
    let failure = Failure::generic("No file descriptor supplied via SCM_RIGHTS");
    Some(vec![Act::answer(failure.response())])
}

fn version(setup: &Setup) -> Value {
    let version = setup.version;
    json!({
        "qemu": {"major": version.major, "minor": version.minor, "micro": version.micro},
        "package": setup.package,
    })
}

fn names(usual: &[&str], rules: &[String]) -> Value {
    let mut names: Vec<&str> =
        rules.iter().map(String::as_str).chain(usual.iter().copied()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| json!({"name": name})).collect()
}

fn guest_info(rules: &[String]) -> Value {
    let Value::Array(mut commands) = names(&AGENT, rules) else {
        return Value::Null;
    };
    for command in &mut commands {
        command["enabled"] = true.into();
        command["success-response"] = true.into();
    }
    json!({"version": "10.0.0", "supported_commands": commands})
}
