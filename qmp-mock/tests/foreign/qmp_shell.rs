//! The program `qmp-shell`.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use qmp_mock::{ErrorClass, Mock};
use serde_json::{Value, json};

use crate::python::programs;

/// The time that programs take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts it without the history file of this user.
fn shell(arguments: &[&str], address: &Path, home: &Path) -> Option<Child> {
    let mut shell = Command::new(programs()?.join("qmp-shell"));
    shell.args(arguments).arg(address).env("HOME", home);
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(shell.spawn().unwrap())
}

/// Types these lines; returns its output.
fn typed(mut shell: Child, lines: &str) -> String {
    shell.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let Output { status, stdout, stderr } = shell.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    assert!(status.success(), "{status}: {stderr}");
    String::from_utf8(stdout).unwrap() + &stderr
}

#[test]
fn it_shows_the_version_answers_and_errors() {
    let mock = Mock::monitor();
    mock.on("block_resize")
        .with(json!({"device": "d0", "size": 1024}))
        .return_error(ErrorClass::DeviceNotFound, "Device 'd0' not found");
    mock.on("device_add").with(json!({"driver": "virtio-net-pci", "opts": {"mq": true}}));
    let home = tempfile::tempdir().unwrap();
    let Some(shell) = shell(&[], mock.path(), home.path()) else { return };
    let lines = "query-status\nblock_resize device=d0 size=1024\n\
        device_add driver=virtio-net-pci opts={\"mq\":true}\nx-unknown\n";
    let shown = typed(shell, lines);
    assert!(shown.contains("Connected to QEMU 10.0.0"), "{shown}");
    assert!(shown.contains(r#"{"return": {"running": true, "status": "running"}}"#), "{shown}");
    assert!(shown.contains("Device 'd0' not found"), "{shown}");
    assert!(shown.contains(r#"{"return": {}}"#), "{shown}");
    assert!(shown.contains("The command x-unknown has not been found"), "{shown}");
    let complaint = mock.check().unwrap_err().to_string();
    assert_eq!(complaint, "unexpected command `x-unknown {}` of client 0");
}

#[test]
fn it_is_the_human_monitor_too() {
    let mock = Mock::monitor();
    mock.on("human-monitor-command").answer_with(|command| {
        let arguments: Value = command.decode().unwrap();
        Ok(match arguments["command-line"].as_str() {
            Some("help") => "info status -- show the status\r\n".to_owned(),
            Some("info status") => "VM status: running\r\n".to_owned(),
            other => format!("unknown: {other:?}\r\n"),
        })
    });
    let home = tempfile::tempdir().unwrap();
    let Some(shell) = shell(&["-H"], mock.path(), home.path()) else { return };
    let shown = typed(shell, "info status\n");
    assert!(shown.contains("VM status: running"), "{shown}");
    mock.verify();
}

/// `qmp-shell-wrap` listens, starts a program instead of QEMU, and waits for it to connect.
#[test]
fn it_is_served_when_it_listens_as_it_does_for_a_qemu_that_it_starts() {
    let mock = Mock::monitor();
    let folder = tempfile::tempdir().unwrap();
    let Some(programs) = programs() else { return };
    let qemu = "echo \"$2\" >address.new; mv address.new address";
    let mut wrap = Command::new(programs.join("qmp-shell-wrap"));
    // `qemu` gets `-qmp unix:PATH` as its last arguments.
    wrap.args(["--", "sh", "-c", qemu, "qemu"]);
    wrap.current_dir(&folder).env("HOME", folder.path());
    wrap.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let shell = wrap.spawn().unwrap();
    let address = folder.path().join("address");
    let started = Instant::now();
    while !address.exists() && started.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(20));
    }
    let address = std::fs::read_to_string(address).unwrap();
    let path = folder.path().join(address.trim_end().strip_prefix("unix:").unwrap());
    mock.connect_to(path.as_path()).unwrap();
    let shown = typed(shell, "query-status\n");
    assert!(shown.contains(r#""status": "running""#), "{shown}");
    mock.verify();
}
