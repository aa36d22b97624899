//! `doctor` and `ls` on real servers.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod cli;

use std::io::{Read, Write};
use std::process::Stdio;

use conformance::ready;
use conformance::server::{Server, Suite};
use qmp_mock::Mock;
use rustix::process::Signal;
use serde_json::{Value, json};

use cli::{Run, program, qmp, run, start};

conformance::on_every_qemu!(
    a_healthy_server_has_nothing_wrong,
    what_a_client_left_behind_is_found,
    a_busy_or_stopped_server_is_told_with_its_processes,
    servers_and_their_sockets_are_listed,
    an_agent_is_checked,
);

fn qemu(suite: &Suite) -> (Server, String) {
    let mut server = suite.qemu_with(&["-qmp", "unix:{}/qmp,server=on,wait=off", "-name", "vm7"]);
    drop(ready(server.connect(qmp_blocking::builder)));
    let target = server.path("qmp").display().to_string();
    (server, target)
}

/// The result and the text of a check.
#[track_caller]
fn check(run: &Run, what: &str) -> (String, String) {
    let checks: Value = serde_json::from_str(&run.stdout).unwrap();
    let check = checks.as_array().unwrap().iter().find(|check| check["check"] == what);
    let check = check.unwrap_or_else(|| panic!("no {what}: {run:?}"));
    let text = |member: &str| check[member].as_str().unwrap().to_owned();
    (text("result"), text("text"))
}

fn doctor(target: &str) -> Run {
    run(target, &["doctor", "--json", "--timeout", "2s"])
}

fn a_healthy_server_has_nothing_wrong(suite: &Suite) {
    let (server, target) = qemu(suite);
    let table = run(&target, &["doctor"]);
    assert_eq!((table.code, table.stderr.as_str()), (0, ""), "{table:?}");
    assert!(table.stdout.starts_with("CHECK "), "{table:?}");
    let run = doctor(&target);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(check(&run, "server").1.starts_with(&format!("pid {}", server.pid())));
    assert!(check(&run, "greeting").1.contains(suite.version().split_once('.').unwrap().0));
    assert_eq!(check(&run, "clients").0, "ok");
    assert!(check(&run, "latency").1.contains("in 5 tries"));
    assert_eq!(check(&run, "machine").1, "prelaunch");
}

fn what_a_client_left_behind_is_found(suite: &Suite) {
    let (_server, target) = qemu(suite);
    let added = run(&target, &["add-fd", "fdset-id=3", "--fd", "/dev/null"]);
    assert_eq!(added.code, 0, "{added:?}");
    let run = doctor(&target);
    // It may still be in use.
    assert_eq!(run.code, 0, "{run:?}");
    let (result, text) = check(&run, "descriptor sets");
    assert_eq!(result, "ok");
    assert!(text.starts_with("3: "), "{text}");
    assert_eq!(check(&run, "jobs").0, "ok");
}

fn a_busy_or_stopped_server_is_told_with_its_processes(suite: &Suite) {
    let (server, target) = qemu(suite);
    let mut other = start(program().args([&target, "-"]));
    let mut stdin = other.stdin.take().unwrap();
    stdin.write_all(b"query-name\n").unwrap();
    other.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
    let busy = run(&target, &["doctor", "--json", "--timeout", "300ms"]);
    assert_eq!(busy.code, 3, "{busy:?}");
    let (result, text) = check(&busy, "clients");
    assert_eq!(result, "wrong");
    assert!(text.starts_with(&format!("pid {} (qmp)", other.id())), "{text}");
    assert!(check(&busy, "handshake").1.contains("serving another client"), "{busy:?}");
    drop(stdin);
    other.wait().unwrap();
    server.signal(Signal::STOP);
    let stopped = run(&target, &["doctor", "--json", "--timeout", "300ms"]);
    server.signal(Signal::CONT);
    assert_eq!(stopped.code, 3, "{stopped:?}");
    let (result, text) = check(&stopped, "server");
    assert_eq!(result, "wrong");
    assert!(text.ends_with(&format!("is stopped: kill -CONT {}", server.pid())), "{text}");
    let gone = run("/nowhere/qmp", &["doctor"]);
    assert_eq!(gone.code, 3);
    assert!(gone.stdout.contains("cannot connect to unix:/nowhere/qmp"), "{gone:?}");
}

fn servers_and_their_sockets_are_listed(suite: &Suite) {
    let (server, target) = qemu(suite);
    let list = || -> Vec<Value> {
        let run: Run = program().args(["ls", "--json"]).output().unwrap().into();
        assert_eq!(run.code, 0, "{run:?}");
        let all: Value = serde_json::from_str(&run.stdout).unwrap();
        let all = all.as_array().unwrap().iter();
        all.filter(|it| it["pid"] == server.pid()).cloned().collect()
    };
    let entry = |clients: &[String]| {
        json!({
            "pid": server.pid(), "name": "vm7", "program": "qemu-system-x86_64",
            "kind": "monitor", "socket": target, "clients": clients,
        })
    };
    assert_eq!(list(), [entry(&[])]);
    let mut other =
        start(program().args([&target, "events"]).stdout(Stdio::null()).stderr(Stdio::null()));
    conformance::server::wait_until("a client", || {
        list() == [entry(&[format!("pid {} (qmp)", other.id())])]
    });
    other.kill().unwrap();
    other.wait().unwrap();
    let table: Run = program().arg("ls").output().unwrap().into();
    assert!(table.stdout.starts_with("PID "), "{table:?}");
    assert!(table.stdout.contains(&target), "{table:?}");
}

fn an_agent_is_checked(suite: &Suite) {
    let mut agent = suite.agent(&["guest-get-users"]);
    drop(ready(agent.connect(|| qmp_blocking::builder().agent())));
    let run = run(agent.path("qmp").to_str().unwrap(), &["--agent", "doctor", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(check(&run, "disabled commands").1.contains("guest-get-users"), "{run:?}");
    assert!(check(&run, "agent").1.starts_with("qemu-ga "), "{run:?}");
}

#[test]
fn frozen_file_systems_and_stuck_machines_are_wrong() {
    let agent = Mock::agent();
    agent.on("guest-fsfreeze-status").answer("frozen");
    let run = run(&agent.address().to_string(), &["--agent", "doctor", "--json"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(check(&run, "file systems").1.contains("guest-fsfreeze-thaw"), "{run:?}");
    let monitor = Mock::monitor();
    monitor.on("query-status").answer(json!({"status": "io-error", "running": false}));
    monitor.on("query-jobs").answer(json!([{"id": "j0", "status": "concluded"}]));
    let run = qmp(&monitor, &["doctor", "--json"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(check(&run, "machine").1.contains("io-error"), "{run:?}");
    assert!(check(&run, "jobs").1.contains("j0: job-dismiss"), "{run:?}");
}
