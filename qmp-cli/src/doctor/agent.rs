//! The checks of a guest agent, which is in sync.

use qmp_blocking::Client;
use serde_json::json;

use super::{Check, ask, latency};

/// Adds the checks of an agent.
pub(super) fn check(client: &Client, checks: &mut Vec<Check>) {
    checks.push(Check::fine("sync", "the agent is in sync"));
    checks.push(latency(client, "guest-ping"));
    let none = json!({});
    if let Some(info) = ask(client, "guest-info", &none) {
        checks.push(Check::fine(
            "agent",
            format!("qemu-ga {}", info["version"].as_str().unwrap_or("of an unknown version")),
        ));
        let commands = info["supported_commands"].as_array();
        let disabled = commands.into_iter().flatten().filter(|it| it["enabled"] == false);
        let disabled: Vec<_> = disabled.filter_map(|it| it["name"].as_str()).collect();
        checks.push(Check::fine(
            "disabled commands",
            if disabled.is_empty() { "none".to_owned() } else { disabled.join(", ") },
        ));
    }
    if let Some(status) = ask(client, "guest-fsfreeze-status", &none) {
        checks.push(match status == "frozen" {
            true => Check::wrong(
                "file systems",
                "frozen: programs in the guest wait; guest-fsfreeze-thaw ends that",
            ),
            false => Check::fine("file systems", "not frozen"),
        });
    }
}
