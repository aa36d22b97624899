//! The program with real servers: every exit code on every QEMU.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod cli;

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use conformance::ready;
use conformance::server::{Server, Suite};
use rustix::process::Signal;

use cli::{Run, program, run, start};

conformance::on_every_qemu!(
    every_exit_code_is_provoked,
    a_monitor_that_was_removed_is_one_of_the_reasons,
    commands_have_the_types_that_this_qemu_wants,
    an_unknown_type_is_asked_for,
    events_and_the_human_monitor,
    an_agent_is_known_by_its_commands,
    descriptors_and_out_of_band_commands,
    batches_stop_at_the_first_error,
    secrets_are_in_no_log,
    an_interrupted_command_says_what_it_leaves,
);

/// Starts QEMU, and returns it when it answers.
fn qemu(suite: &Suite) -> (Server, String) {
    let mut server = suite.qemu();
    drop(ready(server.connect(qmp_blocking::builder)));
    let target = server.address().to_string();
    (server, target)
}

/// QEMU 11.1 accepts connections to the chardev of a monitor that was removed, and never greets.
fn a_monitor_that_was_removed_is_one_of_the_reasons(suite: &Suite) {
    if !suite.is_newest() {
        return;
    }
    let (server, target) = qemu(suite);
    let second = server.path("second").display().to_string();
    let chardev = format!(
        r#"{{"execute": "chardev-add", "arguments": {{"id": "c9", "backend": {{"type": "socket", "data": {{"addr": {{"type": "unix", "data": {{"path": "{second}"}}}}, "server": true, "wait": false}}}}}}}}"#
    );
    check(&run(&target, &[&chardev]), 0, "");
    check(&run(&target, &["object-add", "qom-type=monitor-qmp", "id=m9", "chardev=c9"]), 0, "");
    check(&run(&second, &["query-status"]), 0, "");
    check(&run(&target, &["object-del", "id=m9"]), 0, "");
    let removed = run(&second, &["query-status", "--timeout", "500ms"]);
    check(&removed, 3, "its monitor may have been removed (object-del)");
}

#[track_caller]
fn check(run: &Run, code: i32, error: &str) {
    assert_eq!(run.code, code, "{run:?}");
    assert!(run.stderr.contains(error), "{run:?}");
    assert!(run.stderr.lines().count() <= 1, "one line: {run:?}");
}

fn every_exit_code_is_provoked(suite: &Suite) {
    let (mut server, target) = qemu(suite);
    check(&run(&target, &["query-status"]), 0, "");
    check(
        &run(&target, &["nope"]),
        1,
        "nope: CommandNotFound: The command nope has not been found",
    );
    check(&run(&target, &["query-status", "x"]), 2, "query-status: x: write KEY=TEXT");
    check(&run(&target, &["query-status", "-q", ".["]), 2, "the filter \".[\" is wrong");
    check(&run(&target, &["balloon", "value=x"]), 2, "balloon: value takes an integer");
    // No server.
    check(&run("unix:/nowhere/qmp", &["query-status"]), 3, "/nowhere");
    check(&run("/no.ga", &["guest-ping"]), 3, "name=org.qemu.guest_agent.0?");
    check(&run("ssh://host/run/vm.qmp", &["query-status"]), 2, "forward its socket with ssh -L");
    check(&run("stdio", &["query-status"]), 2, "no socket");
    check(&run("tcp:", &["query-status"]), 2, "port");
    // Busy: another client is connected.
    let other = ready(server.connect(qmp_blocking::builder));
    let started = Instant::now();
    let busy = run(&target, &["query-status", "--timeout", "500ms"]);
    check(&busy, 3, "no answer to the handshake");
    assert!(busy.stderr.contains("another client"), "{busy:?}");
    assert!(started.elapsed() < Duration::from_secs(3));
    drop(other);
    // Stopped before the handshake.
    server.signal(Signal::STOP);
    check(&run(&target, &["query-status", "--timeout", "500ms"]), 3, "handshake");
    server.signal(Signal::CONT);
    // Stopped after the handshake: it reads one command and is stopped before the next.
    let mut child = start(program().args([&target, "-", "--timeout", "1s"]));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"query-status\n").unwrap();
    let mut stdout = child.stdout.take().unwrap();
    std::io::Read::read_exact(&mut stdout, &mut [0]).unwrap();
    server.signal(Signal::STOP);
    stdin.write_all(b"query-name\n").unwrap();
    drop(stdin);
    let started = Instant::now();
    let late = child.wait_with_output().unwrap().into();
    check(&late, 4, "line 2: query-name: no answer in 1.0s");
    assert!(late.stderr.contains("its outcome is unknown"), "{late:?}");
    assert!(started.elapsed() < Duration::from_secs(3), "the server is not waited for twice");
    // Killed while it owes a reply.
    server.signal(Signal::CONT);
    let mut child = start(program().args([&target, "-"]));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"query-status\n").unwrap();
    let mut stdout = child.stdout.take().unwrap();
    std::io::Read::read_exact(&mut stdout, &mut [0]).unwrap();
    server.signal(Signal::STOP);
    stdin.write_all(b"query-name\n").unwrap();
    drop(stdin);
    std::thread::sleep(Duration::from_millis(200));
    server.signal(Signal::KILL);
    let lost = child.wait_with_output().unwrap().into();
    check(&lost, 5, "line 2: query-name: ");
    assert!(lost.stderr.contains("its outcome is unknown"), "{lost:?}");
    server.ended();
    check(&run(&target, &["query-status"]), 3, "nothing listens there");
}

fn commands_have_the_types_that_this_qemu_wants(suite: &Suite) {
    let (server, target) = qemu(suite);
    let file = server.path("disk");
    std::fs::write(&file, [0; 4096]).unwrap();
    let filename = format!("file.filename={}", file.display());
    let words = ["blockdev-add", "driver=raw", "node-name=n7", "read-only=on", "size=1K"];
    let added = run(&target, &[&words[..], &["file.driver=file", &filename]].concat());
    assert_eq!(added.all(), (0, "{}\n", ""));
    let filter = ".[] | select(.[\"node-name\"] == \"n7\") | [.ro, .image[\"virtual-size\"]]";
    let nodes = run(&target, &["query-named-block-nodes", "-q", filter]);
    assert_eq!(nodes.all(), (0, "[true, 1024]\n", ""));
    let job = ["object-add", "qom-type=iothread", "id=t1"];
    assert_eq!(run(&target, &job).all(), (0, "{}\n", ""));
    let threads = run(&target, &["query-iothreads", "-q", ".[].id", "-r"]);
    assert_eq!(threads.all(), (0, "t1\n", ""));
    let throttled = run(
        &target,
        &[
            "object-add",
            "qom-type=throttle-group",
            "id=g1",
            if suite.major() == 5 {
                "props.limits.iops-total:=100"
            } else {
                "limits.iops-total=100"
            },
        ],
    );
    assert_eq!(throttled.all(), (0, "{}\n", ""));
}

/// A command that the vocabulary does not know, of a type that only the server tells.
fn an_unknown_type_is_asked_for(suite: &Suite) {
    let mut server = suite.start("qemu-system-x86_64", conformance::server::folder(), |command| {
        let machine = "-nodefaults -display none -S -accel tcg -M pc -m 16";
        command.args(machine.split(' ')).args(["-qmp", "unix:qmp,server=on,wait=off"]);
    });
    drop(ready(server.connect(qmp_blocking::builder)));
    let target = server.address().to_string();
    let words = ["device_add", "driver=virtio-rng-pci", "id=rng", "max-bytes=64", "bus=pci.0"];
    assert_eq!(run(&target, &[&words[..], &["multifunction=on"]].concat()).all(), (0, "{}\n", ""));
    let path = "path=/machine/peripheral/rng";
    let bytes = run(&target, &["qom-get", path, "property=max-bytes"]);
    assert_eq!(bytes.all(), (0, "64\n", ""));
    let guessed = run(&target, &["device_add", "driver=nope", "x=1", "--strict-types"]);
    check(&guessed, 2, "device_add: the type of x is unknown");
    let warned = run(&target, &["no-such-command", "x=1"]);
    assert_eq!(warned.code, 1);
    assert!(warned.stderr.starts_with("warning: no-such-command: the type of x"), "{warned:?}");
}

fn events_and_the_human_monitor(suite: &Suite) {
    let (_server, target) = qemu(suite);
    let resumed = run(&target, &["wait", "RESUME", "--timeout", "20s", "--", "cont"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert!(resumed.stdout.contains("\"event\": \"RESUME\""), "{resumed:?}");
    let stopped = run(&target, &["events", "--until", "STOP", "-q", ".event", "-r", "--", "stop"]);
    assert_eq!(stopped.all(), (0, "STOP\n", ""));
    let version = run(&target, &["hmp", "info", "version"]);
    assert!(version.code == 0 && version.stdout.starts_with(suite.version()), "{version:?}");
    check(&run(&target, &["hmp", "nope"]), 1, "hmp nope: unknown command: 'nope'");
    check(&run(&target, &["hmp", "migrate"]), 1, "Try \"help migrate\" for more information");
    check(&run(&target, &["wait", "STOP", "--timeout", "300ms"]), 4, "no STOP in 300");
    check(&run(&target, &["wait", "STOPP"]), 2, "the server has no event STOPP; is STOP meant?");
    let gone = run(&target, &["wait", "RESUME", "--", "quit"]);
    check(&gone, 5, "no RESUME came before");
}

fn an_agent_is_known_by_its_commands(suite: &Suite) {
    let mut server = suite.agent(&[]);
    drop(ready(server.connect(|| qmp_blocking::builder().agent())));
    let target = server.address().to_string();
    assert_eq!(run(&target, &["guest-ping"]).all(), (0, "{}\n", ""));
    let version = run(&target, &["guest-info", "-q", ".version", "-r"]);
    assert!(version.stdout.starts_with(suite.version()), "{version:?}");
    let words = ["guest-exec", "path=/bin/echo", "arg[]=1", "arg[]=a b", "capture-output=true"];
    let started = run(&target, &[&words[..], &["-q", ".pid"]].concat());
    assert_eq!(started.code, 0, "{started:?}");
    let pid = format!("pid={}", started.stdout.trim());
    let begun = Instant::now();
    let output = loop {
        let status =
            run(&target, &["guest-exec-status", &pid, "-q", ".[\"out-data\"] // empty", "-r"]);
        if !status.stdout.is_empty() {
            break status.stdout;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{status:?}");
    };
    assert_eq!(output, "MSBhIGIK\n", "1 a b");
    // Nothing is sent to find out what the other end is.
    check(&run(&target, &["query-status", "--timeout", "300ms"]), 3, "handshake");
    check(&run(&target, &["--agent", "nope"]), 1, "nope: CommandNotFound");
}

fn descriptors_and_out_of_band_commands(suite: &Suite) {
    let (server, target) = qemu(suite);
    let file = server.path("file");
    std::fs::write(&file, "x").unwrap();
    let option = format!("{}:rw", file.display());
    let added = run(&target, &["add-fd", "--fd", &option, "-q", ".[\"fdset-id\"]"]);
    assert_eq!(added.all(), (0, "0\n", ""));
    check(&run(&target, &["getfd", "fdname=a"]), 1, "getfd: GenericError: No file descriptor");
    check(
        &run(&target, &["getfd", "fdname=a", "--fd", "/no/file"]),
        2,
        "--fd: cannot open /no/file",
    );
    if suite.major() > 5 {
        assert_eq!(run(&target, &["query-yank", "--oob"]).code, 0);
        let message = "{\"exec-oob\": \"query-yank\", \"id\": 1}";
        let whole = run(&target, &[message]);
        assert!(whole.code == 0 && whole.stdout.ends_with("\"id\": 1}\n"), "{whole:?}");
    }
    check(&run(&target, &["query-status", "--oob"]), 1, "does not support OOB");
}

fn batches_stop_at_the_first_error(suite: &Suite) {
    let (_server, target) = qemu(suite);
    let batch = |options: &[&str]| -> Run {
        let mut child = start(program().arg(&target).args(options));
        let lines = b"query-status\ndevice_del id=x\n{\"execute\": \"query-name\", \"id\": 3}\n";
        child.stdin.take().unwrap().write_all(lines).unwrap();
        child.wait_with_output().unwrap().into()
    };
    let stopped = batch(&["-"]);
    check(&stopped, 1, "line 2: device_del: DeviceNotFound: Device 'x' not found");
    assert!(stopped.stderr.ends_with("; 1 done, 1 not sent\n"), "{stopped:?}");
    let all = batch(&["--replies", "--keep-going"]);
    let lines: Vec<_> = all.stdout.lines().collect();
    assert_eq!((all.code, lines.len()), (1, 3), "{all:?}");
    assert!(lines[1].contains("\"DeviceNotFound\""), "{all:?}");
    assert_eq!(lines[2], "{\"return\": {}, \"id\": 3}");
}

fn secrets_are_in_no_log(suite: &Suite) {
    use std::os::unix::fs::PermissionsExt;

    let (server, target) = qemu(suite);
    let (log, secret) = (server.path("log"), server.path("secret"));
    std::fs::write(&secret, "hunter2hunter2\n").unwrap();
    let data =
        format!("{}=@{}", if suite.major() == 5 { "props.data" } else { "data" }, secret.display());
    let log_option = log.display().to_string();
    let words = ["object-add", "qom-type=secret", "id=s", &data, "-v", "--log", &log_option];
    let added = run(&target, &words);
    assert_eq!((added.code, added.stdout.as_str()), (0, "{}\n"), "{added:?}");
    assert!(added.stderr.contains("> {\"execute\":\"object-add\""), "{added:?}");
    let text = std::fs::read_to_string(&log).unwrap();
    for shown in [&added.stderr, &text] {
        assert!(!shown.contains("hunter2") && shown.contains("••••"), "{shown}");
    }
    assert_eq!(std::fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(value["sent"].is_object() || value["received"].is_object(), "{line}");
    }
    let word = if suite.major() == 5 { "props.data=hunter3" } else { "data=hunter3" };
    let warned = run(&target, &["object-add", "qom-type=secret", "id=t", word]);
    check(&warned, 0, "a secret on the command line is visible");
    assert!(!warned.stderr.contains("hunter3"), "{warned:?}");
}

fn an_interrupted_command_says_what_it_leaves(suite: &Suite) {
    let (server, target) = qemu(suite);
    let mut child = start(program().args([&target, "-"]));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"query-status\n").unwrap();
    let mut stdout = child.stdout.take().unwrap();
    std::io::Read::read_exact(&mut stdout, &mut [0]).unwrap();
    server.signal(Signal::STOP);
    stdin.write_all(b"query-name\n").unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, Signal::INT).unwrap();
    let interrupted = child.wait_with_output().unwrap().into();
    check(&interrupted, 130, "query-name: interrupted");
    assert!(interrupted.stderr.contains("it may have been executed"), "{interrupted:?}");
    // Before the handshake nothing was sent.
    let child = program().args([&target, "stop"]).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, Signal::INT).unwrap();
    let interrupted = child.wait_with_output().unwrap().into();
    check(&interrupted, 130, "nothing was sent");
    server.signal(Signal::CONT);
}
