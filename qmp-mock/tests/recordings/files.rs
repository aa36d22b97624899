//! Files that are not recordings, and the content of recordings.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use qmp_mock::{Mock, Recorder};
use serde_json::Value;

#[test]
fn an_invalid_recording_is_reported_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    let open = || Mock::replay(&path).map(drop).unwrap_err().to_string();
    assert!(open().contains("r.jsonl: No such file"), "{}", open());
    fs::write(&path, "").unwrap();
    assert!(open().ends_with("r.jsonl: it contains no session"), "{}", open());
    fs::write(&path, "{\"t\":0,\"dir\":\"s2c\",\"hex\":\"\"}\nnonsense\n").unwrap();
    assert!(open().contains("line 2: not a line of a recording: "), "{}", open());
    fs::write(&path, "{\"t\":0,\"dir\":\"s2c\",\"hex\":\"7b7d\"}\n").unwrap();
    assert!(open().ends_with("not a message of a server: {}"), "{}", open());
    fs::write(&path, "{\"t\":0,\"dir\":\"s2c\",\"hex\":\"485454\"}\n").unwrap();
    assert!(open().contains("the output of the server is not QMP"), "{}", open());
}

#[test]
fn a_recording_is_its_owners_alone_and_each_line_has_a_time_and_a_side() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    let mock = Mock::monitor();
    let recorder = Recorder::start(mock.address(), &path).unwrap();
    for _ in 0..2 {
        let qemu = qmp_blocking::connect(recorder.address()).unwrap();
        qemu.execute("query-status").run().unwrap();
    }
    recorder.finish().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["t"].is_u64()));
    let told: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert!(told.starts_with(&["connect", "close"]), "{told:?}");
    assert_eq!(told.iter().filter(|event| **event == "connect").count(), 2);
    let sides: Vec<&str> = lines
        .iter()
        .filter(|line| line["event"].is_null())
        .filter_map(|line| line["dir"].as_str())
        .collect();
    assert_eq!(sides[..5], ["s2c", "c2s", "s2c", "c2s", "s2c"]);
}

#[test]
fn finish_reports_an_unreachable_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    let nowhere = format!("unix:{}/nobody", folder.path().display());
    let recorder = Recorder::start(&nowhere, &path).unwrap();
    assert!(qmp_blocking::connect(recorder.address()).unwrap_err().is_disconnected());
    let error = recorder.finish().unwrap_err().to_string();
    assert!(error.contains("r.jsonl") && error.contains("nobody"), "{error}");
}

#[test]
fn a_descriptor_passes_through_the_recorder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    let mock = Mock::monitor();
    let recorder = Recorder::start(mock.address(), &path).unwrap();
    let qemu = qmp_blocking::connect(recorder.address()).unwrap();
    let file = tempfile::tempfile().unwrap();
    qemu.execute("getfd").argument("fdname", "f").descriptor(file).run().unwrap();
    assert!(mock.wait_for("getfd").descriptor().is_some());
    drop(qemu);
    recorder.finish().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("\"fds\":1")).count(), 1);
}

/// Endless commands in one direction and replies in the other: neither direction may block the
/// other.
#[test]
fn a_flood_passes_through_the_recorder() {
    const COMMANDS: usize = 5000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    let mock = Mock::monitor();
    mock.on("x").answer("y".repeat(2000));
    let recorder = Recorder::start(mock.address(), &path).unwrap();
    let socket = recorder.address().to_string();
    let client = UnixStream::connect(socket.strip_prefix("unix:").unwrap()).unwrap();
    let mut sender = client.try_clone().unwrap();
    let sending = thread::spawn(move || {
        sender.write_all(b"{\"execute\":\"qmp_capabilities\"}").unwrap();
        let padding = " ".repeat(1000);
        for _ in 0..COMMANDS {
            write!(sender, "{{\"execute\":{padding}\"x\"}}").unwrap();
        }
        // Nothing is read until much is buffered.
    });
    thread::sleep(Duration::from_millis(200));
    let answers = BufReader::new(client).lines().take(COMMANDS + 2);
    assert_eq!(answers.filter(|line| line.as_ref().unwrap().len() > 2000).count(), COMMANDS);
    sending.join().unwrap();
    recorder.finish().unwrap();
    assert_eq!(mock.received().len(), COMMANDS);
}
