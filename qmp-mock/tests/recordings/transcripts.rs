//! The recorded sessions of `qmp-proto`, replayed to a client that sends the recorded bytes.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use qmp_blocking::qmp_sockets::send_with_descriptor;
use qmp_mock::{Mock, Recording};
use serde_json::Value;

/// Sessions that cannot be replayed byte for byte, and why.
const OTHERWISE: [(&str, &str); 6] = [
    ("garbage_recovery_7.2.jsonl", "QEMU answers the id 1e400 with inf, which is no JSON"),
    ("mux_ctrl_a_7.2.jsonl", "a multiplexer swallows bytes on the way to the monitor"),
    ("sigterm_7.2.jsonl", "it begins after the negotiation"),
    ("smuggling_7.2.jsonl", "QEMU runs what stands inside a broken message, and the mock does not"),
    ("transport_telnet_7.2.jsonl", "the messages are wrapped into telnet"),
    ("transport_websocket_7.2.jsonl", "the messages are wrapped into websocket frames"),
];

const PLENTY: Duration = Duration::from_secs(30);
/// How long to wait for messages that do not arrive.
const SOON: Duration = Duration::from_millis(300);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../qmp-proto/tests/data/transcripts")
}

/// Sends the recorded bytes as far as the replies allow, and compares the received bytes.
fn replay(path: &Path, patience: Duration) -> Result<(), String> {
    let mock = Recording::open(path).map_err(|error| error.to_string())?.replay();
    let mut client = connect(&mock, patience);
    let text = fs::read_to_string(path).unwrap();
    let nothing = fs::File::open("/dev/null").unwrap();
    let mut expected = Vec::new();
    let mut received = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let bytes = hex::decode(line["hex"].as_str().unwrap()).unwrap();
        if line["dir"] == "s2c" {
            expected.extend(bytes);
            continue;
        }
        until(&mut client, &mut received, expected.len())?;
        if line["event"] == "close" {
            compare(&received, &expected)?;
            received.clear();
            expected.clear();
            client = connect(&mock, patience);
            continue;
        }
        let sent = match line["fds"].as_u64() {
            Some(1..) => send_with_descriptor(&client, &bytes, nothing.as_fd()).unwrap(),
            _ => 0,
        };
        client.write_all(&bytes[sent..]).map_err(|error| error.to_string())?;
    }
    until(&mut client, &mut received, expected.len())?;
    compare(&received, &expected)
}

fn connect(mock: &Mock, patience: Duration) -> UnixStream {
    let client = mock.connect();
    client.set_read_timeout(Some(patience)).unwrap();
    client
}

fn compare(received: &[u8], expected: &[u8]) -> Result<(), String> {
    if received == expected {
        return Ok(());
    }
    let place = received.iter().zip(expected).take_while(|(a, b)| a == b).count();
    let show = |bytes: &[u8]| bytes[place..].escape_ascii().to_string();
    let (ours, theirs) = (show(received), show(expected));
    Err(format!("from byte {place}: {ours:.300}\n  instead of {theirs:.300}"))
}

fn until(client: &mut UnixStream, received: &mut Vec<u8>, length: usize) -> Result<(), String> {
    let mut buffer = [0; 65536];
    while received.len() < length {
        let wanted = buffer.len().min(length - received.len());
        match client.read(&mut buffer[..wanted]) {
            Ok(0) => return Err(format!("the end came at {} of {length}", received.len())),
            Ok(count) => received.extend_from_slice(&buffer[..count]),
            Err(error) => {
                let last = received[received.len().saturating_sub(200)..].escape_ascii();
                return Err(format!("{} of {length} bytes: {error}; last {last}", received.len()));
            }
        }
    }
    Ok(())
}

#[test]
fn every_session_is_replayed_byte_by_byte() {
    let mut replayed = 0;
    let mut failures = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".jsonl") || OTHERWISE.iter().any(|(other, _)| *other == name) {
            continue;
        }
        match replay(&path, PLENTY) {
            Ok(()) => replayed += 1,
            Err(failure) => failures.push(format!("{name}: {failure}")),
        }
    }
    assert!(failures.is_empty(), "{replayed} are replayed, but:\n{}", failures.join("\n"));
}

#[test]
fn excluded_sessions_exist_and_differ() {
    for (name, why) in OTHERWISE {
        let path = folder().join(name);
        assert!(path.exists(), "{name} is gone");
        assert!(replay(&path, SOON).is_err(), "{name} is replayed after all, though {why}");
    }
}

#[test]
fn a_replay_verifies_when_all_commands_arrived() {
    let path = folder().join("lifecycle_7.2.jsonl");
    let mock = Mock::replay(&path).unwrap();
    let complaint = mock.check().unwrap_err().to_string();
    assert!(complaint.contains("`query-status`, which client 0 did not send"), "{complaint}");
    replay(&path, PLENTY).unwrap();
}
