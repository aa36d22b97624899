//! Programs that are launched with a shell, and the names of Python's tools.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod cli;
mod terminal;

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Stdio;

use conformance::server::{Suite, wait_until};
use qmp_mock::Mock;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use cli::{PROGRAM, Run, program, program_at, run};
use terminal::{CTRL_C, CTRL_D, Options, Terminal};

const LIGHT: [&str; 8] = ["-nodefaults", "-display", "none", "-accel", "tcg", "-M", "none", "-S"];

conformance::on_every_qemu!(
    a_launched_qemu_ends_with_the_shell,
    the_exit_code_is_that_of_the_program,
    a_program_that_is_kept_continues,
    qmp_shell_wrap_takes_the_options_of_its_name,
);

/// The shell on a launched QEMU, and the process id of that QEMU.
fn launch(suite: &Suite, options: &[&str]) -> (Terminal, Pid) {
    let mut launch = program();
    launch.arg("launch").args(options).arg("--").arg(suite.path("qemu-system-x86_64")).args(LIGHT);
    let terminal = Terminal::start(launch, Options::default());
    terminal.wait_for("> ");
    let pid = child(&terminal);
    (terminal, pid)
}

/// The only child of the program in a terminal.
fn child(terminal: &Terminal) -> Pid {
    // Any of its threads may have started it.
    let threads = fs::read_dir(format!("/proc/{}/task", terminal.pid())).unwrap();
    let children =
        threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("children")));
    let children: String = children.map(|children| children.unwrap_or_default()).collect();
    let child = children.split_whitespace().next().unwrap();
    Pid::from_raw(child.parse().unwrap()).unwrap()
}

fn is_alive(pid: Pid) -> bool {
    test_kill_process(pid).is_ok()
}

fn a_launched_qemu_ends_with_the_shell(suite: &Suite) {
    let (mut shell, qemu) = launch(suite, &[]);
    assert!(shell.screen().starts_with("QEMU "), "{}", shell.screen());
    assert!(shell.line().0.starts_with("qemu-system-x86_64> "), "{:?}", shell.line());
    shell.enter("query-status -q .running");
    shell.wait_for("\nfalse\n");
    // Ctrl-C is for the shell alone.
    shell.press(CTRL_C);
    shell.enter(":reconnect");
    shell.wait_for("was launched with one connection");
    assert!(is_alive(qemu));
    assert_eq!(shell.leave(), 0);
    assert!(!is_alive(qemu));
}

fn the_exit_code_is_that_of_the_program(suite: &Suite) {
    // One that does not start, and says why.
    let mut wrong = program();
    wrong.args(["launch", "--"]).arg(suite.path("qemu-system-x86_64")).arg("-no-such-option");
    let mut terminal = Terminal::start(wrong, Options::default());
    assert_eq!(terminal.code(), 1);
    terminal.wait_for("-no-such-option: invalid option");
    // One that quits.
    let (mut shell, _) = launch(suite, &[]);
    shell.enter("quit");
    shell.wait_for("again to confirm");
    shell.enter("quit");
    assert_eq!(shell.code(), 0);
    // One that dies.
    let (mut shell, qemu) = launch(suite, &[]);
    kill_process(qemu, Signal::KILL).unwrap();
    shell.wait_for("closed");
    shell.enter("");
    assert_eq!(shell.code(), 128 + 9);
    // One that is not there.
    let mut none = program();
    none.args(["launch", "--", "/no/such/qemu"]);
    let mut terminal = Terminal::start(none, Options::default());
    assert_eq!(terminal.code(), 3);
    terminal.wait_for("cannot start qemu: No such file or directory");
}

fn a_program_that_is_kept_continues(suite: &Suite) {
    let folder = tempfile::tempdir().unwrap();
    let mut launch = program();
    launch.env("XDG_RUNTIME_DIR", folder.path());
    launch.args(["launch", "--keep", "--"]).arg(suite.path("qemu-system-x86_64")).args(LIGHT);
    let mut shell = Terminal::start(launch, Options::default());
    shell.wait_for("> ");
    let qemu = child(&shell);
    shell.press(CTRL_D);
    assert_eq!(shell.code(), 0);
    shell.wait_for("continues; its monitor is unix:");
    let socket = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    assert_eq!(run(socket.to_str().unwrap(), &["quit"]).code, 0);
    wait_until("QEMU ends", || !is_alive(qemu));
}

fn qmp_shell_wrap_takes_the_options_of_its_name(suite: &Suite) {
    let folder = tempfile::tempdir().unwrap();
    let link = named(&folder, "qmp-shell-wrap");
    let log = folder.path().join("log");
    let mut wrap = program_at(link);
    wrap.arg("-H").arg("-l").arg(&log).arg("--");
    wrap.arg(suite.path("qemu-system-x86_64")).args(LIGHT).current_dir(folder.path());
    let mut shell = Terminal::start(wrap, Options::default());
    shell.wait_until("a prompt", |it| it.line().0.starts_with("(hmp)"));
    // No socket is made in the folder.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    shell.enter("info version");
    shell.wait_for(&format!("\n{}.", suite.version().split_once('.').unwrap().0));
    // A line of blanks is no command.
    shell.enter("   ");
    // A Ctrl-D before the prompt is lost when the editor takes over the terminal.
    shell.wait_until("the next prompt", |it| {
        it.screen().matches("(hmp)").count() == 3 && it.line().0.trim_end() == "(hmp)"
    });
    shell.press(CTRL_D);
    shell.wait_until("a prompt", |it| it.line().0.trim_end().ends_with('>'));
    assert_eq!(shell.leave(), 0);
    assert!(fs::read_to_string(log).unwrap().contains("human-monitor-command"));
}

fn named(folder: &tempfile::TempDir, name: &str) -> PathBuf {
    let link = folder.path().join(name);
    symlink(PROGRAM, &link).unwrap();
    link
}

#[test]
fn qmp_shell_takes_the_options_of_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let link = named(&folder, "qmp-shell");
    let mock = Mock::monitor();
    mock.on("query-version").answer(serde_json::json!({"a": 1}));
    // Commands from a pipe go on after an error; the log is a file and not the socket.
    let log = folder.path().join("log");
    let mut shell = program_at(&link);
    shell.arg("-p").arg("-l").arg(&log).env("QMP_SOCKET", mock.path());
    let mut child =
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"no-such-command\nquery-version\n").unwrap();
    let run: Run = child.wait_with_output().unwrap().into();
    assert_eq!((run.code, run.stdout.as_str()), (1, "{\n  \"a\": 1\n}\n"), "{run:?}");
    assert!(run.stderr.contains("no-such-command: CommandNotFound"), "{run:?}");
    assert!(fs::read_to_string(log).unwrap().contains("query-version"));
    assert!(mock.path().exists());
    let none: Run = program_at(&link).output().unwrap().into();
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("$QMP_SOCKET is not set"), "{none:?}");
}

#[test]
fn launching_needs_a_terminal_and_a_program() {
    let run: Run = program().args(["launch", "--", "true"]).output().unwrap().into();
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("launch needs a terminal"), "{run:?}");
    let run: Run = program().arg("launch").output().unwrap().into();
    assert_eq!(run.code, 2);
}
