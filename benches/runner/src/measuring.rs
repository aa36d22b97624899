//! Runs a workload in rounds, in which the clients take turns.

use std::process::Command;

use anyhow::Result;

use crate::catalogue::{Point, Workload};
use crate::client::{Client, Program};
use crate::options::Options;
use crate::process::{Figures, Output, run};
use crate::results::{Outcome, Results};
use crate::server::{Kind, Server};

/// What a client cannot do, and why.
const CANNOT: &[(&str, &str, &str)] = &[
    ("go-qemu", "in-flight", "one command at a time"),
    ("go-qemu", "schema-value", "takes lines of 64 kB at most"),
    ("go-qemu", "idle", "a large reply is beyond its 64 kB a line"),
];

/// A client that is much slower than the others gets less to do.
const SLOW: &[(&str, usize)] = &[("qemu.qmp", 10)];

pub(crate) fn measure(workload: &Workload, options: &Options, results: &mut Results) -> Result<()> {
    eprintln!("{}: {}", workload.name, workload.title);
    if workload.name == "bytes" {
        return count_bytes(workload, options, results);
    }
    let server = match Server::start(workload.server, options)? {
        Ok(server) => server,
        Err(why) => {
            for client in &workload.clients {
                results.add(workload, 0, client, Outcome::NotRun(why.clone()));
            }
            return Ok(());
        }
    };
    for (index, point) in workload.points.iter().enumerate() {
        for round in 0..options.rounds.min(workload.most_rounds) {
            // Every second round runs in reverse order, so that no client always follows the same
            // one.
            let mut clients = workload.clients.clone();
            if round % 2 == 1 {
                clients.reverse();
            }
            for name in clients {
                if round > 0 && results.has_failed(workload, index, name) {
                    continue;
                }
                let outcome = one(workload, point, name, &server, options);
                results.add(workload, index, name, outcome);
            }
        }
    }
    Ok(())
}

fn one(
    workload: &Workload,
    point: &Point,
    name: &str,
    server: &Server,
    options: &Options,
) -> Outcome {
    let Some(client) = Client::named(name) else {
        return Outcome::Failed(format!("no client is called {name}"));
    };
    let cannot = CANNOT.iter().find(|(who, what, _)| *who == name && *what == workload.name);
    if let Some((_, _, why)) = cannot {
        return Outcome::NotRun((*why).to_owned());
    }
    let mut command = match program(client, options) {
        Ok(command) => command,
        Err(why) => return Outcome::NotRun(why),
    };
    match client.program {
        Program::Tool => command.arg(&server.socket).arg("query-version"),
        Program::Shell(_) => {
            let python = options.python.as_ref().ok().and_then(|python| python.parent());
            command.arg(&server.socket).args(python)
        }
        _ => {
            let task = if workload.task.is_empty() { "round-trip" } else { workload.task };
            let numbers = numbers(workload, point, client);
            command.arg(task).arg(&server.socket).args(numbers)
        }
    };
    let file = server.socket.with_file_name("upload");
    command.env("BENCH_FILE", &file);
    let output = match client.program {
        Program::Tool | Program::Shell(_) => Output::Version,
        _ => Output::Figures,
    };
    match run(&mut command, output) {
        Ok(figures) => match check_upload(workload, point, &file) {
            Ok(()) => Outcome::Done(figures),
            Err(why) => Outcome::Failed(why),
        },
        Err(error) => Outcome::Failed(format!("{error:#}")),
    }
}

/// The numbers for a client, as its arguments.
fn numbers(workload: &Workload, point: &Point, client: &Client) -> Vec<String> {
    let less = SLOW.iter().find(|(who, _)| *who == client.name).map_or(1, |(_, less)| *less);
    let of_workload = point.numbers.iter().map(|(number, value)| match *number {
        "count" | "connections" if workload.name != "first-answer" => {
            format!("{number}={}", (value / less).max(1))
        }
        _ => format!("{number}={value}"),
    });
    let of_client = client.numbers.iter().map(|(number, value)| format!("{number}={value}"));
    of_workload.chain(of_client).collect()
}

/// Checks that the uploaded file is complete.
fn check_upload(workload: &Workload, point: &Point, file: &std::path::Path) -> Result<(), String> {
    if !matches!(workload.server, Kind::Agent(_)) || workload.task != "upload" {
        return Ok(());
    }
    let size = |name| point.numbers.iter().find(|(known, _)| *known == name).map_or(0, |it| it.1);
    let expected = size("size") / size("chunk").max(1) * size("chunk");
    let content = std::fs::read(file).map_err(|error| error.to_string())?;
    let _ = std::fs::remove_file(file);
    if content.len() != expected || content.iter().any(|byte| *byte != b'x') {
        return Err(format!("of {expected} bytes {} arrived, or others", content.len()));
    }
    Ok(())
}

/// Returns the program of a client, or why it cannot be run.
fn program(client: &Client, options: &Options) -> Result<Command, String> {
    match client.program {
        Program::Rust(name) => Ok(Command::new(options.programs.join(name))),
        Program::Python => {
            let mut command = Command::new(options.python.as_ref().map_err(Clone::clone)?);
            command.arg(options.sources.join("clients/python/client.py"));
            Ok(command)
        }
        Program::Go => Ok(Command::new(options.go.as_ref().map_err(Clone::clone)?)),
        Program::Tool => Ok(Command::new(options.programs.join("qmp"))),
        Program::Shell(script) => {
            if script.contains("$2") {
                options.python.as_ref().map_err(Clone::clone)?;
            }
            let mut command = Command::new("sh");
            command.args(["-e", "-c", script, "sh"]);
            Ok(command)
        }
    }
}

/// The server counts: the bytes of a hundred additional commands, divided by their number.
fn count_bytes(workload: &Workload, options: &Options, results: &mut Results) -> Result<()> {
    let server = Server::counting(options)?;
    for name in &workload.clients {
        let mut received = Vec::new();
        let mut outcome = None;
        for count in [100, 200] {
            let point = Point { at: 0, numbers: vec![("count", count)] };
            let ended = server.ended();
            match one(workload, &point, name, &server, options) {
                Outcome::Done(_) => received.push(server.last_received(ended)?),
                other => {
                    outcome = Some(other);
                    break;
                }
            }
        }
        let outcome = outcome.unwrap_or_else(|| {
            let [(few_bytes, few), (many_bytes, many)] = received[..] else {
                return Outcome::Failed("nothing was received".into());
            };
            let bytes = (many_bytes - few_bytes) / (many - few);
            Outcome::Done(Figures::from([("bytes".to_owned(), bytes)]))
        });
        results.add(workload, 0, name, outcome);
    }
    Ok(())
}
