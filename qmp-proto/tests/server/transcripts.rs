//! Recorded sessions with this server in place of the recorded one: it receives the client's
//! messages and replies to commands with the recorded value or error. Its output has to equal the
//! real server's, byte for byte.

use qmp_proto::server::{Options, Received, Response, Server};
use qmp_proto::{RawJson, Version};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use crate::data::from_hexadecimal;

/// Sessions that are not a plain conversation of one client, and the reasons.
const OTHER: &[(&str, &str)] = &[
    ("garbage_recovery_7.2", "one error for one broken message, where QEMU has several"),
    ("smuggling_7.2", "nothing inside a broken message is run, and no id is infinite"),
    ("mux_ctrl_a_7.2", "a multiplexer removes bytes"),
    ("transport_telnet_7.2", "telnet has bytes of its own"),
    ("transport_websocket_7.2", "websockets have bytes of their own"),
];

#[derive(Deserialize)]
struct Entry {
    dir: String,
    hex: String,
    event: Option<String>,
}

#[derive(Deserialize)]
struct About {
    server: String,
}

/// The bytes of one connection: the client's writes, and the server's lines without events.
#[derive(Default)]
struct Connection {
    writes: Vec<Vec<u8>>,
    output: Vec<u8>,
}

impl Connection {
    fn lines(&self) -> VecDeque<&[u8]> {
        let lines = self.output.split_inclusive(|&byte| byte == b'\n');
        lines.filter(|line| !line.starts_with(b"{\"timestamp\"")).collect()
    }
}

fn connections(text: &str) -> Vec<Connection> {
    let mut connections = vec![Connection::default()];
    for line in text.lines() {
        let entry: Entry = serde_json::from_str(line).unwrap();
        let bytes = from_hexadecimal(&entry.hex);
        match (&entry.dir[..], entry.event.as_deref()) {
            ("c2s", Some("close")) => connections.push(Connection::default()),
            (_, Some(_)) => {}
            ("c2s", None) => connections.last_mut().unwrap().writes.push(bytes),
            _ => connections.last_mut().unwrap().output.extend(bytes),
        }
    }
    connections
}

#[test]
fn the_output_equals_that_of_the_recorded_servers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/transcripts");
    let index = std::fs::read_to_string(folder.join("index.json")).unwrap();
    let index: BTreeMap<String, About> = serde_json::from_str(&index).unwrap();
    let (mut sessions, mut commands) = (0, 0);
    for (file, about) in &index {
        let name = file.trim_end_matches(".jsonl");
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let agent = about.server.contains("qemu-ga");
        let replayed = connections(&text)
            .iter()
            .try_fold(0, |count, connection| Ok::<_, String>(count + replay(connection, agent)?));
        match (replayed, OTHER.iter().find(|(other, _)| *other == name)) {
            (Ok(count), None) => {
                sessions += 1;
                commands += count;
            }
            (Err(error), None) => panic!("{name}: {error}"),
            (Err(_), Some(_)) => {}
            (Ok(_), Some((_, reason))) => panic!("{name} differs no more: {reason}"),
        }
    }
    assert_eq!(sessions, index.len() - OTHER.len());
    assert!(commands >= 425, "{commands}");
}

/// The number of commands that were answered.
fn replay(connection: &Connection, agent: bool) -> Result<usize, String> {
    let mut lines = connection.lines();
    if lines.is_empty() {
        return Ok(0);
    }
    let mut server: Server = match agent {
        true => Server::agent(Options::agent()),
        false => Server::monitor(options(lines[0]).ok_or("no greeting")?),
    };
    let mut out = Vec::new();
    server.greet(&mut out).unwrap();
    expect(&mut lines, &mut out, agent)?;
    let (mut commands, mut input) = (0, Vec::new());
    for write in &connection.writes {
        input.extend_from_slice(write);
        loop {
            let step = server.handle_input(&mut out, &input).unwrap();
            let used = step.used;
            match step.received {
                None => {
                    input.drain(..used);
                    break;
                }
                Some(Received::Command(command, ticket)) => {
                    commands += 1;
                    let id = ticket.id().map(|id| id.to_string());
                    match lines.iter().position(|line| member(line, "id") == id) {
                        // Only out-of-band replies are out of order.
                        Some(at) if at == 0 || server.is_out_of_band() => {
                            let line = lines.remove(at).unwrap();
                            server.answer(&mut out, ticket, &response(line)?).unwrap();
                            lines.push_front(line);
                        }
                        // The command has no success response, or the connection was closed before
                        // its reply.
                        _ if command.name() == "guest-shutdown" || lines.is_empty() => {
                            server.leave_unanswered(&mut out, ticket);
                        }
                        _ => return Err(format!("{command:?} is not answered")),
                    }
                }
                Some(_) => {}
            }
            input.drain(..used);
            expect(&mut lines, &mut out, agent)?;
        }
    }
    if lines.is_empty() { Ok(commands) } else { Err("the output is incomplete".into()) }
}

/// Compares the output with the next lines of the recording.
fn expect(lines: &mut VecDeque<&[u8]>, out: &mut Vec<u8>, agent: bool) -> Result<(), String> {
    for output in std::mem::take(out).split_inclusive(|&byte| byte == b'\n') {
        let recorded = lines.pop_front().unwrap_or_default();
        if output != recorded && !(agent && recorded.is_empty()) {
            let (output, recorded) = (output.escape_ascii(), recorded.escape_ascii());
            return Err(format!("{output}, not {recorded}"));
        }
    }
    Ok(())
}

fn members(line: &[u8]) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_slice(line.strip_prefix(b"\xFF").unwrap_or(line)).ok()
}

fn member(line: &[u8], name: &str) -> Option<String> {
    members(line)?.get(name).map(|value| value.get().to_string())
}

fn options(greeting: &[u8]) -> Option<Options> {
    let greeting: serde_json::Value = serde_json::from_slice(greeting).ok()?;
    let version = &greeting["QMP"]["version"];
    let number = |name: &str| version["qemu"][name].as_u64().map(|number| number as u32);
    let offers = greeting["QMP"]["capabilities"].as_array()?.contains(&"oob".into());
    Some(
        Options::monitor()
            .version(Version::new(number("major")?, number("minor")?, number("micro")?))
            .package(version["package"].as_str()?.to_string())
            .out_of_band(offers),
    )
}

/// Returns the recorded value or error.
fn response(line: &[u8]) -> Result<Response<'static>, String> {
    let members = members(line).ok_or("the recorded answer is no JSON")?;
    fn json(raw: &RawValue) -> Result<RawJson<'_>, String> {
        RawJson::parse(raw.get()).map_err(|error| error.to_string())
    }
    match (members.get("return"), members.get("error")) {
        (Some(value), _) => Ok(Response::json(json(value)?).into_owned()),
        (_, Some(error)) => Ok(Response::raw_error(json(error)?).into_owned()),
        _ => Err("the recorded line is no answer".into()),
    }
}
