//! Servers that are not hostile and send valid messages in unusual forms.

use serde_json::Value;

use super::servers::{HostileServer, USUAL};
use super::user::After::Usable;
use super::user::User::{Repeats, UsesAgent};
use super::wire::{GREETING, Wire};

pub(super) const ALL: &[HostileServer] = &[
    HostileServer {
        does: "formats each message differently: several on a line, over many lines, without line ends",
        script: |wire| {
            wire.greet()?;
            answer_in_turns(wire)
        },
        user: Repeats,
        says: "nothing: each command gets its own reply",
        after: Usable,
        ..USUAL
    },
    HostileServer {
        does: "sends a line end after its greeting and after no other message",
        script: |wire| {
            wire.say(GREETING)?;
            let negotiation = wire.receive()?;
            wire.say(compact(&negotiation, "{}"))?;
            loop {
                let command = wire.receive()?;
                wire.say(compact(&command, &number(&command)))?;
            }
        },
        user: Repeats,
        says: "nothing: a message ends when its brackets balance",
        after: Usable,
        ..USUAL
    },
    HostileServer {
        does: "is an agent and formats each message differently",
        script: |wire| {
            let sync = wire.receive()?;
            wire.say("{\"return\": {\"a\": [\n\"half a mess")?;
            wire.say(b"\xff")?;
            wire.say(pretty(&sync, &sync["id"].to_string(), "\n"))?;
            answer_in_turns(wire)
        },
        user: UsesAgent,
        says: "nothing: the command gets its reply",
        after: Usable,
        ..USUAL
    },
];

fn number(command: &Value) -> String {
    command["arguments"]["number"].to_string()
}

fn compact(command: &Value, value: &str) -> String {
    format!("{{\"id\":{},\"return\":{value}}}", command["id"])
}

fn pretty(command: &Value, value: &str, line_end: &str) -> String {
    let id = &command["id"];
    ["{", "    \"return\":", value, "    ,\"id\": ", &id.to_string(), "}", ""].join(line_end)
}

/// Answers each command in a different form. All other messages have an unknown id.
fn answer_in_turns(wire: &mut Wire) -> Option<()> {
    for turn in 0.. {
        let command = wire.receive()?;
        let (id, number) = (&command["id"], number(&command));
        let usual = format!("{{\"return\": {number}, \"id\": {id}}}");
        let nobodys = "{\"return\": {\"x\": {}}, \"id\": 987654321}";
        let long = format!("[{}]", [nobodys; 200].join(", "));
        wire.say(match turn % 9 {
            0 => usual,
            1 => pretty(&command, &number, "\r\n"),
            // The first line ends as the reply does.
            2 => format!(
                "{{\"return\": {{\"x\": 1, \"id\": {id}}}\n, \"id\": 987654321}}\r\n{usual}\r\n"
            ),
            3 => format!("{nobodys}{usual}\r\n"),
            4 => format!("{usual}{nobodys}\r\n"),
            5 => format!("{nobodys}\r{usual}\r"),
            6 => compact(&command, &number),
            7 => format!("\r\n\n {{\"return\": {long}, \"id\": 987654321}}{usual}\n"),
            _ => format!(
                "{{\"return\": {{\"a\": {long}, \"id\": {id}}}\r\n, \"id\": 987654321}}\t{usual}"
            ),
        })?;
    }
    None
}
