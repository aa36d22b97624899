//! `qmp TARGET doctor`: what is known about a server, and what to do.

mod agent;
mod monitor;

use std::time::{Duration, Instant};

use qmp_blocking::{Address, Client};
use qmp_sockets::Occupants;
use serde_json::{Value, json};

use crate::cli::Options;
use crate::connect::{HANDSHAKE, connect};
use crate::exit::{Code, Failure};
use crate::show::{self, table::table};
use crate::target::Target;

/// How often the latency is measured.
const TRIES: u32 = 5;

/// A latency that is worth a word.
const SLOW: Duration = Duration::from_millis(500);

/// What was checked.
struct Check {
    what: &'static str,
    verdict: Verdict,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Fine,
    /// Something that has an answer, which the text gives.
    Wrong,
}

impl Check {
    fn fine(what: &'static str, text: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Fine, text: text.into() }
    }

    fn wrong(what: &'static str, text: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Wrong, text: text.into() }
    }
}

/// Checks a server and prints the results.
///
/// # Errors
///
/// Returns an error without a text if something is wrong, with the code of what is wrong.
pub(crate) fn run(target: &Target, options: &Options, as_json: bool) -> Result<(), Failure> {
    let mut checks = Vec::new();
    checks.extend(of_the_socket(&target.address));
    // Each question has a deadline, because the server may stop answering.
    let timeout = options.timeout.or(Some(HANDSHAKE));
    let code = match connect(target, &Options { timeout, ..options.clone() }, false) {
        Ok(client) => {
            match target.agent {
                true => agent::check(&client, &mut checks),
                false => monitor::check(&client, &mut checks),
            }
            // A question without a reply has left no row.
            let last = if target.agent { "guest-ping" } else { "query-version" };
            if let Err(error) = client.execute(last).run() {
                checks.push(Check::wrong("end", error.to_string()));
            }
            Code::Refused
        }
        Err(failure) => {
            checks.push(Check::wrong("handshake", failure.to_string()));
            failure.code
        }
    };
    print(&checks, as_json)?;
    match checks.iter().any(|check| check.verdict == Verdict::Wrong) {
        true => Err(Failure::new(code, "")),
        false => Ok(()),
    }
}

fn print(checks: &[Check], as_json: bool) -> Result<(), Failure> {
    let word = |check: &Check| match check.verdict {
        Verdict::Fine => "ok",
        Verdict::Wrong => "wrong",
    };
    if as_json {
        let check = |it: &Check| json!({"check": it.what, "result": word(it), "text": it.text});
        let all: Vec<_> = checks.iter().map(check).collect();
        return show::write(format!("{}\n", Value::from(all)).as_bytes());
    }
    let row = |it: &Check| [it.what.to_owned(), word(it).to_owned(), it.text.clone()];
    let rows: Vec<_> = checks.iter().map(row).collect();
    show::write(table(["CHECK", "RESULT", "DETAILS"], &rows).as_bytes())
}

/// The socket's file, and the processes at it, before anything connects.
fn of_the_socket(address: &Address) -> Vec<Check> {
    let mut checks = Vec::new();
    #[cfg(unix)]
    if let Address::Unix(path) = address {
        checks.extend(of_the_file(path));
    }
    let Some(occupants) = Occupants::at(address) else { return checks };
    if let Some(server) = &occupants.server {
        let pid = server.pid;
        checks.push(match server.state {
            'T' | 't' => Check::wrong("server", format!("{server} is stopped: kill -CONT {pid}")),
            'D' => Check::wrong("server", format!("{server} is blocked in the kernel")),
            'Z' | 'X' => Check::wrong("server", format!("{server} has ended")),
            _ => Check::fine("server", server.to_string()),
        });
    }
    let mut clients: Vec<_> = occupants.clients.iter().map(ToString::to_string).collect();
    if occupants.unknown > 0 {
        clients.push(format!("{} whose process is not known", occupants.unknown));
    }
    checks.push(match clients.is_empty() {
        true => Check::fine("clients", "none: the socket is free"),
        false => Check::wrong(
            "clients",
            format!(
                "{}; QMP serves one client per socket: close it, or use another",
                clients.join(", ")
            ),
        ),
    });
    checks
}

#[cfg(unix)]
fn of_the_file(path: &[u8]) -> Option<Check> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{FileTypeExt, MetadataExt};

    // Connecting explains why there is none.
    let file = std::fs::metadata(OsStr::from_bytes(path)).ok()?;
    let (mode, uid, gid) = (file.mode() & 0o777, file.uid(), file.gid());
    let text = format!("mode {mode:03o}, uid {uid}, gid {gid}");
    Some(match file.file_type().is_socket() {
        true => Check::fine("socket", text),
        false => Check::wrong("socket", format!("this file is no socket; {text}")),
    })
}

/// Asks for a value. `None` if the server has no such command or returns an error.
fn ask(client: &Client, command: &str, arguments: &Value) -> Option<Value> {
    client.execute(command).arguments(arguments).run().ok()?.decode().ok()
}

/// Measures how long the server takes to reply.
fn latency(client: &Client, command: &str) -> Check {
    let mut times = Vec::new();
    for _ in 0..TRIES {
        let started = Instant::now();
        match client.execute(command).run() {
            Ok(_) => times.push(started.elapsed()),
            Err(error) => return Check::wrong("latency", error.to_string()),
        }
    }
    times.sort_unstable();
    let (fastest, slowest) = (times[0], times[times.len() - 1]);
    let text = format!("{command}: {fastest:.1?} to {slowest:.1?} in {TRIES} tries");
    // A single slow reply is common on a busy machine.
    match fastest >= SLOW {
        true => Check::wrong("latency", format!("{text}; the server's main loop is busy")),
        false => Check::fine("latency", text),
    }
}

/// The texts of a member in a list of objects.
fn texts<'v>(list: &'v Value, member: &str) -> Vec<&'v str> {
    let elements = list.as_array().into_iter().flatten();
    elements.filter_map(|element| element[member].as_str()).collect()
}
