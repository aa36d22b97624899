//! The example that serves QMP, used by our client and by a few lines of Python that know nothing
//! of it.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Seek, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use qmp_tokio::{Client, ErrorClass, EventItem, Subscription};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

/// More than anything takes, on a machine that is busy with something else.
const PLENTY: Duration = Duration::from_secs(60);

static EXAMPLE: LazyLock<PathBuf> = LazyLock::new(|| conformance::example("qmp-tokio", "vmm"));

/// A running example; killed when dropped.
struct Vmm {
    process: Child,
    folder: TempDir,
    /// Kept, so that it can go on printing.
    _output: BufReader<ChildStdout>,
}

impl Vmm {
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("qmp").tempdir().unwrap();
        let mut process = Command::new(&*EXAMPLE)
            .arg(format!("unix:{}", folder.path().join("qmp").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        assert!(line.starts_with("listening on unix:"), "{line}");
        Self { process, folder, _output: output }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("qmp")
    }
}

impl Drop for Vmm {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn query(client: &Client, command: &str) -> Value {
    client.execute(command).await.unwrap().decode().unwrap()
}

/// The next event: its name, and what it carries.
async fn event(events: &mut Subscription) -> (String, Value) {
    match timeout(PLENTY, events.recv()).await.unwrap() {
        Some(EventItem::Event(event)) => {
            let data = event.data().unwrap().map(|data| data.decode().unwrap());
            (event.name().to_owned(), data.unwrap_or_default())
        }
        other => panic!("{other:?}"),
    }
}

fn file(content: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file.rewind().unwrap();
    file
}

#[tokio::test]
async fn our_client_uses_all_of_it() {
    let mut vmm = Vmm::start();
    let client = qmp_tokio::connect(vmm.path()).await.unwrap();
    let mut events = client.events().subscribe();
    assert_eq!(client.greeting().unwrap().package(), "vmm-example");
    assert_eq!(query(&client, "query-version").await["qemu"]["major"], 1);
    assert_eq!(query(&client, "query-status").await["status"], "paused");

    client.execute("cont").await.unwrap();
    client.execute("cont").await.unwrap();
    assert_eq!(event(&mut events).await.0, "RESUME");
    assert_eq!(query(&client, "query-status").await["running"], true);
    client.execute("stop").await.unwrap();
    assert_eq!(event(&mut events).await.0, "STOP");

    let commands = query(&client, "query-commands").await;
    assert!(commands.as_array().unwrap().contains(&json!({"name": "getfd"})));
    let unknown = client.execute("device_add").await.unwrap_err();
    assert_eq!(unknown.class(), Some(ErrorClass::CommandNotFound));
    for (command, arguments, expected) in [
        ("getfd", json!({}), "Parameter 'fdname' is missing"),
        ("getfd", json!({"fdname": 1}), "Invalid parameter type for 'fdname', expected: string"),
        ("getfd", json!({"fdname": "a", "x": 1}), "Parameter 'x' is unexpected"),
        ("x-checksum", json!({"job-id": "a"}), "Parameter 'fdname' is missing"),
        (
            "x-checksum",
            json!({"job-id": 1}),
            "Invalid parameter type for 'job-id', expected: string",
        ),
        ("x-checksum", json!({"x": 1}), "Parameter 'x' is unexpected"),
    ] {
        let wrong = client.execute(command).arguments(&arguments).await.unwrap_err();
        let failure = wrong.failure().unwrap();
        assert_eq!(failure.description(), expected);
    }
    let missing = client.execute("getfd").argument("fdname", "disk").await.unwrap_err();
    assert!(missing.to_string().contains("No file descriptor"), "{missing}");

    let disk = OwnedFd::from(file(&[1; 3_000_000]));
    client.execute("getfd").argument("fdname", "disk").descriptor(disk).await.unwrap();
    let start =
        || client.execute("x-checksum").argument("job-id", "sum").argument("fdname", "disk");
    start().await.unwrap();
    start().await.unwrap_err();
    for status in ["created", "running"] {
        let change = ("JOB_STATUS_CHANGE".to_owned(), json!({"id": "sum", "status": status}));
        assert_eq!(event(&mut events).await, change);
    }
    let sum = ("X_CHECKSUM".to_owned(), json!({"id": "sum", "sum": 3_000_000}));
    assert_eq!(event(&mut events).await, sum);
    assert_eq!(event(&mut events).await.1["status"], "concluded");
    assert_eq!(query(&client, "query-jobs").await[0]["current-progress"], 3_000_000);
    client.execute("job-dismiss").argument("id", "sum").await.unwrap();
    assert_eq!(event(&mut events).await.1["status"], "null");
    assert_eq!(query(&client, "query-jobs").await, json!([]));

    // One client at a time; what was done stays.
    let hasty = qmp_tokio::builder().handshake_timeout(Duration::from_millis(100));
    assert!(hasty.connect(vmm.path()).await.unwrap_err().is_timeout());
    client.close().await.unwrap();
    let client = qmp_tokio::connect(vmm.path()).await.unwrap();
    let mut events = client.events().subscribe();
    assert_eq!(query(&client, "query-status").await["running"], false);

    client.execute("quit").await.unwrap();
    assert_eq!(event(&mut events).await.1["reason"], "host-qmp-quit");
    client.closed().await;
    assert!(vmm.process.wait().unwrap().success());
    assert!(!vmm.path().exists());
}

const PYTHON: &str = r#"
import array, json, os, socket, sys

sock = socket.socket(socket.AF_UNIX)
sock.settimeout(60)
sock.connect(sys.argv[1])
lines = sock.makefile("r", encoding="ascii", newline="\r\n")

def receive():
    return json.loads(lines.readline())

def execute(name, file=None, **arguments):
    message = json.dumps({"execute": name, "arguments": arguments, "id": [name]}).encode()
    ancillary = []
    if file is not None:
        rights = array.array("i", [file])
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)]
    assert sock.sendmsg([message], ancillary) == len(message)
    events = []
    while True:
        answer = receive()
        if "event" not in answer:
            assert answer.pop("id") == [name], answer
            return answer, events
        events.append(answer["event"])

assert receive()["QMP"]["version"]["package"] == "vmm-example"
assert execute("query-status")[0]["error"]["class"] == "CommandNotFound"
assert execute("qmp_capabilities") == ({"return": {}}, [])
assert execute("cont") == ({"return": {}}, ["RESUME"])
assert execute("query-status")[0]["return"] == {"running": True, "status": "running"}
with open(sys.argv[0], "rb") as file:
    assert execute("getfd", file=file.fileno(), fdname="script") == ({"return": {}}, [])
answer, events = execute("x-checksum", **{"job-id": "sum", "fdname": "script"})
while "X_CHECKSUM" not in events:
    event = receive()
    events.append(event["event"])
with open(sys.argv[0], "rb") as file:
    assert event["data"]["sum"] == sum(file.read()), event
assert receive()["data"]["status"] == "concluded"
assert execute("quit") == ({"return": {}}, ["SHUTDOWN"])
assert lines.readline() == ""
print("fine")
"#;

#[test]
fn a_few_lines_of_python_use_it() {
    let mut vmm = Vmm::start();
    let script = vmm.folder.path().join("client.py");
    std::fs::write(&script, PYTHON).unwrap();
    let ran = Command::new("python3").arg(&script).arg(vmm.path()).output();
    let output = match ran {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // Not `eprintln!`, which a test that passes hides.
            let text = "not run: a_few_lines_of_python_use_it, for there is no python3 here";
            let _ = writeln!(std::io::stderr(), "{text}");
            return;
        }
        ran => ran.unwrap(),
    };
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert_eq!(output.stdout, b"fine\n");
    assert!(vmm.process.wait().unwrap().success());
}
