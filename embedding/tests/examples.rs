//! Runs the examples with every QEMU.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in their shared code.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use conformance::server::{Server, Suite};

conformance::on_every_qemu!(
    an_own_executor_polls_the_client,
    calloop_polls_the_client,
    monoio_feeds_the_core
);

fn example(name: &str) -> Command {
    let mut command = Command::new(conformance::example("embedding", name));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// QEMU with two monitors: the second one triggers events.
fn two_monitors(suite: &Suite) -> Server {
    let mut server = suite.qemu_with(&[
        "-qmp",
        "unix:{}/other,server=on,wait=off",
        "-qmp",
        "unix:{}/qmp,server=on,wait=off",
    ]);
    drop(server.stream());
    server
}

fn an_own_executor_polls_the_client(suite: &Suite) {
    asks_waits_and_leaves(suite, "own_executor");
}

fn calloop_polls_the_client(suite: &Suite) {
    asks_waits_and_leaves(suite, "calloop");
}

fn asks_waits_and_leaves(suite: &Suite, name: &str) {
    let server = two_monitors(suite);
    // Twice, because the first client has disconnected.
    for _ in 0..2 {
        let output = example(name).arg(server.path("qmp")).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{printed}{errors}");
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(lines.len(), 3, "{printed}");
        assert!(lines[0].starts_with(&format!("QEMU {}.", suite.version())), "{printed}");
        assert_eq!(lines[1], "\"prelaunch\"");
        assert!(lines[2].starts_with("no event in 1"), "{printed}");
    }
    let output = example(name).arg("/nowhere/at/all").output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.starts_with(&format!("{name}: No such file")), "{errors}");
    assert_eq!(output.status.code(), Some(1));
}

fn monoio_feeds_the_core(suite: &Suite) {
    let servers = [two_monitors(suite), two_monitors(suite)];
    let paths = servers.each_ref().map(|server| server.path("qmp"));
    let mut watching = example("monoio").args(&paths).spawn().unwrap();
    let mut printed = BufReader::new(watching.stdout.take().unwrap());
    let mut lines = Vec::new();
    while lines.len() < 4 {
        let mut line = String::new();
        assert_ne!(printed.read_line(&mut line).unwrap(), 0, "{lines:?}");
        lines.push(line.trim_end().to_owned());
    }
    for server in &servers {
        let mut other = UnixStream::connect(server.path("other")).unwrap();
        for command in ["qmp_capabilities", "cont", "quit"] {
            writeln!(other, "{{\"execute\": \"{command}\"}}").unwrap();
        }
        // QEMU may reset a connection with unread input when it exits.
        let _ = other.read_to_end(&mut Vec::new());
    }
    lines.extend(printed.lines().map(Result::unwrap));
    assert!(watching.wait().unwrap().success());
    for path in paths {
        for line in ["QEMU ", "status: {", "event RESUME", "event SHUTDOWN"] {
            let line = format!("{}: {line}", path.display());
            assert!(lines.iter().any(|it| it.starts_with(&line)), "{line}: {lines:?}");
        }
    }
    assert_eq!(lines.len(), 8, "{lines:?}");
}
