//! The checks of a monitor.

use qmp_blocking::Client;
use serde_json::{Value, json};

use super::{Check, ask, latency, texts};

/// States in which a machine waits for somebody.
const STUCK: [(&str, &str); 5] = [
    ("io-error", "a disk reported an error: mend it, then cont"),
    ("internal-error", "QEMU met an error that it cannot handle: system_reset"),
    ("guest-panicked", "the guest has crashed: system_reset"),
    ("postmigrate", "the machine was migrated away: quit"),
    ("watchdog", "the guest's watchdog expired: system_reset, or cont"),
];

/// Adds the checks of a monitor.
pub(super) fn check(client: &Client, checks: &mut Vec<Check>) {
    checks.push(greeting(client));
    checks.push(latency(client, "query-version"));
    let none = json!({});
    if let Some(status) = ask(client, "query-status", &none) {
        let status = status["status"].as_str().unwrap_or_default().to_owned();
        checks.push(match STUCK.iter().find(|(stuck, _)| *stuck == status) {
            Some((_, advice)) => Check::wrong("machine", format!("{status}: {advice}")),
            None => Check::fine("machine", status),
        });
    }
    if let Some(jobs) = ask(client, "query-jobs", &none) {
        checks.push(of_jobs(&jobs));
    }
    if let Some(sets) = ask(client, "query-fdsets", &none) {
        let ids = sets.as_array().into_iter().flatten().map(|set| set["fdset-id"].to_string());
        checks.push(left_over(
            "descriptor sets",
            &ids.collect::<Vec<_>>(),
            "remove-fd fdset-id=ID",
        ));
    }
    if let Some(objects) = ask(client, "qom-list", &json!({"path": "/objects"})) {
        checks.push(of_monitors(&objects));
    }
    checks.extend(agent_port(client));
}

fn greeting(client: &Client) -> Check {
    let mut text = match client.version() {
        Some(version) => format!("QEMU {version}"),
        None => "no version".to_owned(),
    };
    if let Some(greeting) = client.greeting() {
        if !greeting.package().is_empty() {
            text.push_str(&format!(" ({})", greeting.package()));
        }
        text.push_str(match greeting.offers("oob") {
            true => ", offers out-of-band execution",
            false => ", offers no out-of-band execution",
        });
    }
    Check::fine("greeting", text)
}

fn of_jobs(jobs: &Value) -> Check {
    let jobs: Vec<_> = jobs.as_array().into_iter().flatten().collect();
    let is = |job: &&&Value, status: &str| job["status"] == status;
    let ids = |status: &str| {
        let of = jobs.iter().filter(|job| is(job, status));
        of.filter_map(|job| job["id"].as_str()).collect::<Vec<_>>().join(", ")
    };
    let (concluded, pending) = (ids("concluded"), ids("pending"));
    match (concluded.is_empty(), pending.is_empty()) {
        (true, true) => Check::fine("jobs", format!("{}", jobs.len())),
        (false, _) => Check::wrong(
            "jobs",
            format!("concluded and still there: {concluded}: job-dismiss id=ID"),
        ),
        _ => {
            Check::wrong("jobs", format!("waiting to be finalized: {pending}: job-finalize id=ID"))
        }
    }
}

/// What a client that has gone may have left, or another still uses: QEMU does not tell.
fn left_over(what: &'static str, ids: &[String], advice: &str) -> Check {
    match ids.is_empty() {
        true => Check::fine(what, "none"),
        false => {
            let ids = ids.join(", ");
            Check::fine(what, format!("{ids}: if no client needs them any more, {advice}"))
        }
    }
}

/// Monitors that were added. Those of the tool's shell are removed with it.
fn of_monitors(objects: &Value) -> Check {
    let objects = objects.as_array().into_iter().flatten();
    let monitors = objects.filter(|it| it["type"] == "child<monitor-qmp>");
    // QEMU calls those of its command line so.
    let names = monitors.filter_map(|it| it["name"].as_str());
    let ids: Vec<_> = names.filter(|name| !name.starts_with("compat_monitor")).collect();
    Check::fine("added monitors", if ids.is_empty() { "none".to_owned() } else { ids.join(", ") })
}

/// Whether a guest agent has opened its port.
fn agent_port(client: &Client) -> Option<Check> {
    let mut ports = Vec::new();
    for folder in ["/machine/peripheral", "/machine/peripheral-anon"] {
        let children = ask(client, "qom-list", &json!({"path": folder}))?;
        let children = children.as_array()?.clone();
        let is_port = |it: &&Value| it["type"] == "child<virtserialport>";
        let names = children.iter().filter(is_port).filter_map(|it| it["name"].as_str());
        ports.extend(names.map(|name| format!("{folder}/{name}")));
    }
    let property =
        |path: &str, name: &str| ask(client, "qom-get", &json!({"path": path, "property": name}));
    let port = ports
        .iter()
        .find(|path| property(path, "name").is_some_and(|name| name == "org.qemu.guest_agent.0"));
    let Some(port) = port else {
        return Some(Check::fine("guest agent", "the machine has no port for one"));
    };
    let chardev = property(port, "chardev")?;
    let chardevs = ask(client, "query-chardev", &json!({}))?;
    let known = chardevs.as_array()?.iter().find(|it| it["label"] == chardev)?.clone();
    let file = texts(&json!([known.clone()]), "filename").join("");
    Some(match known["frontend-open"] == true {
        true => Check::fine("guest agent", format!("its port is open; {file}")),
        false => Check::wrong(
            "guest agent",
            format!("its port is closed: qemu-ga does not run in the guest; {file}"),
        ),
    })
}
