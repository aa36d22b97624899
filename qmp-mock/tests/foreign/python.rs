//! Python with `qemu.qmp`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use qmp_mock::Mock;
use serde_json::Value;

/// The variable that names the file with the path, when `cargo xtask test` runs the tests.
const FILE: &str = "QMP_TEST_PYTHON";

/// Longer than the scripts wait.
const PATIENCE: Duration = Duration::from_secs(90);

/// Returns the folder with its programs, or prints that it is not available.
pub(crate) fn programs() -> Option<PathBuf> {
    let file = match env::var_os(FILE) {
        Some(file) => PathBuf::from(file),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python/programs"),
    };
    let said = fs::read_to_string(&file).unwrap_or_else(|error| {
        panic!(
            "no Python for the tests: run `cargo xtask python` first ({}: {error})",
            file.display()
        )
    });
    if said.starts_with("not run") {
        // Not captured, unlike the output of a test.
        let _ = writeln!(io::stderr(), "Python: {said}");
        return None;
    }
    Some(PathBuf::from(said.trim_end()))
}

/// Runs a scenario of `client.py` to its end; returns its output.
pub(crate) fn scenario(name: &str, mock: &Mock) -> Option<Value> {
    start(name, mock.path()).map(finish)
}

/// Starts a scenario that listens at `path`, connects the mock to it, and runs it to its end.
pub(crate) fn listening_scenario(name: &str, mock: &Mock, path: &Path) -> Option<Value> {
    let running = start(name, path)?;
    connect_with_retry(mock, path);
    Some(finish(running))
}

/// Connects the mock to a client that is about to listen.
fn connect_with_retry(mock: &Mock, path: &Path) {
    let started = Instant::now();
    while let Err(error) = mock.connect_to(path) {
        assert!(started.elapsed() < PATIENCE, "nobody listens: {error}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn start(scenario: &str, address: &Path) -> Option<Child> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/client.py");
    let mut python = Command::new(programs()?.join("python3"));
    python.arg(script).arg(scenario).arg(address);
    Some(python.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

fn finish(running: Child) -> Value {
    let output = running.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the client failed: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}
