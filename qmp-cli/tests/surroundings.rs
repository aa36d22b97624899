//! The configuration, completions, manual pages, pipes and terminals.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod cli;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use qmp_mock::{ErrorClass, Mock};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;

use cli::{Run, program, qmp, start};

/// A folder with a configuration, for `XDG_CONFIG_HOME`.
fn configured(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("qmp")).unwrap();
    fs::write(folder.path().join("qmp/config.toml"), text).unwrap();
    folder
}

#[test]
fn names_and_aliases_are_configured() {
    let (mock, agent) = (Mock::monitor(), Mock::agent());
    let text = format!(
        "targets.vm1 = {{ monitor = {:?}, agent = {:?} }}\nalias.st = \"query-status -q .status\"\n",
        mock.address().to_string(),
        agent.address().to_string()
    );
    let folder = configured(&text);
    let run = |arguments: &[&str]| -> Run {
        let mut program = program();
        program.env("XDG_CONFIG_HOME", folder.path()).env("QMP_TARGET", "vm1");
        program.args(arguments).output().unwrap().into()
    };
    assert_eq!(run(&["vm1", "st"]).all(), (0, "\"running\"\n", ""));
    assert_eq!(run(&["@", "st", "-r"]).all(), (0, "running\n", ""));
    assert_eq!(run(&["vm1", "guest-ping"]).all(), (0, "{}\n", ""));
    assert_eq!(agent.received(), ["guest-ping"]);
    assert_eq!(mock.received(), ["query-status", "query-status"]);
    let with_default = configured(&format!("default = {:?}", mock.address().to_string()));
    let mut default = program();
    default.env("XDG_CONFIG_HOME", with_default.path()).args(["@", "query-name"]);
    assert_eq!(Run::from(default.output().unwrap()).all(), (0, "{}\n", ""));
    let unknown = run(&["vm2", "stop"]);
    assert_eq!(unknown.code, 3);
    assert!(unknown.stderr.contains("the configuration has no target of this name"), "{unknown:?}");
    let completed = run(&["__complete", "fish", "--", "vm"]);
    assert!(completed.stdout.contains("vm1\ta target\n"), "{completed:?}");
    let folder = configured("[target]\n");
    let mut wrong = program();
    let wrong: Run =
        wrong.env("XDG_CONFIG_HOME", folder.path()).args(["x", "y"]).output().unwrap().into();
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("config.toml: line 1: unknown field `target`"), "{wrong:?}");
}

#[test]
fn the_environment_sets_target_and_deadline() {
    let mock = Mock::monitor();
    mock.on("query-status").leave_unanswered();
    let run = |name: &str, timeout: &str, arguments: &[&str]| -> Run {
        let mut program = program();
        program.env(name, mock.address().to_string()).env("QMP_TIMEOUT", timeout);
        program.args(arguments).output().unwrap().into()
    };
    let late = run("QMP_SOCKET", "1s", &["@", "query-status"]);
    assert_eq!(late.code, 4, "{late:?}");
    assert!(late.stderr.starts_with("query-status: no answer in 1.0"), "{late:?}");
    assert_eq!(run("QMP_TARGET", "9", &["@", "query-name"]).all(), (0, "{}\n", ""));
    assert_eq!(run("QMP_TARGET", "soon", &["@", "query-name"]).code, 2);
    assert_eq!(run("X", "9", &["@", "query-name"]).code, 2);
}

#[test]
fn the_output_may_be_closed_or_full() {
    let mock = Mock::monitor();
    mock.on("query-big").answer("x".repeat(22 << 20));
    let line =
        format!("{} {} query-big | head -c 10", env!("CARGO_BIN_EXE_qmp"), mock.path().display());
    let script = format!("{line}; echo ${{PIPESTATUS[0]}}");
    let run: Run = Command::new("bash").args(["-c", &script]).output().unwrap().into();
    assert_eq!(run.all(), (0, "\"xxxxxxxxx141\n", ""));
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut program = program();
    let program = program.arg(mock.path()).arg("query-name").stdout(full);
    let run: Run = program.stderr(Stdio::piped()).output().unwrap().into();
    assert_eq!((run.code, run.stderr.starts_with("cannot write the output: ")), (1, true));
    // No stderr, either.
    let closed = "exec 2>&-; \"$0\" \"$1\" nope; echo $?";
    let path = mock.path().display().to_string();
    let mut shell = Command::new("bash");
    let output = shell.args(["-c", closed, env!("CARGO_BIN_EXE_qmp"), &path]).output().unwrap();
    assert_eq!(Run::from(output).stdout, "1\n");
}

#[test]
fn bash_completes_words_with_equal_signs() {
    let script: Run = program().args(["completions", "bash"]).output().unwrap().into();
    assert_eq!(script.code, 0);
    let ask = |line: &str| -> Vec<String> {
        let bash = format!(
            "PATH={}:$PATH\n{}\nCOMP_LINE={line:?}; COMP_POINT=${{#COMP_LINE}}\n\
             compopt() {{ :; }}\n_qmp 2>&1; printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            std::path::Path::new(env!("CARGO_BIN_EXE_qmp")).parent().unwrap().display(),
            script.stdout
        );
        let output = Command::new("bash").args(["--norc", "-c", &bash]).output().unwrap();
        Run::from(output).stdout.lines().map(str::to_owned).collect()
    };
    assert_eq!(ask("qmp vm1 query-statu"), ["query-status"]);
    assert_eq!(ask("qmp vm1 blockdev-add driver=qcow"), ["qcow", "qcow2"]);
    assert_eq!(ask("qmp vm1 blockdev-add driver=raw read-only="), ["true", "false"]);
    assert_eq!(ask("qmp vm1 blockdev-add driver=raw file.fi"), [""; 1]);
    assert_eq!(ask("qmp vm1 wait DEVICE_DEL"), ["DEVICE_DELETED"]);
}

#[test]
fn the_scripts_of_all_shells_are_correct() {
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script: Run = program().args(["completions", shell]).output().unwrap().into();
        assert!(script.code == 0 && script.stdout.contains("qmp __complete"), "{shell}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("script");
        fs::write(&file, &script.stdout).unwrap();
        match Command::new(shell).arg(check).arg(&file).output() {
            Ok(output) => assert!(output.status.success(), "{output:?}"),
            Err(error) => {
                conformance::server::notice(&format!("not run: {shell} of its script: {error}"))
            }
        }
    }
    let run: Run = program().args(["completions", "csh"]).output().unwrap().into();
    assert_eq!(run.code, 2);
}

#[test]
fn manual_pages_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let man = folder.path().join("man");
    let run: Run = program().arg("man").arg(&man).output().unwrap().into();
    assert_eq!(run.all(), (0, "", ""));
    let page = fs::read_to_string(man.join("qmp.1")).unwrap();
    for part in [".TH qmp 1", ".SH \"EXIT CODES\"", "KEY:=JSON", "\\-\\-timeout"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    for name in ["qmp-events", "qmp-wait", "qmp-hmp", "qmp-completions", "qmp-man"] {
        assert!(man.join(format!("{name}.1")).is_file(), "{name}");
    }
    let stdout: Run = program().arg("man").output().unwrap().into();
    assert_eq!(stdout.stdout, page);
}

#[test]
fn help_is_for_every_verb() {
    let help = |arguments: &[&str]| -> Run { program().args(arguments).output().unwrap().into() };
    let top = help(&["--help"]);
    assert!(top.code == 0 && top.stdout.contains("Exit codes:"), "{top:?}");
    for verb in ["events", "wait", "hmp"] {
        let run = help(&["vm1", verb, "--help"]);
        assert!(run.code == 0 && run.stdout.contains(&format!("qmp TARGET {verb}")), "{run:?}");
    }
    assert_eq!(help(&["--version"]).stdout, concat!("qmp ", env!("CARGO_PKG_VERSION"), "\n"));
    let missing = help(&[]);
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("the target is missing\n"), "{missing:?}");
    assert!(help(&["help", "wait"]).stdout.contains("qmp TARGET wait"));
    assert!(help(&["help"]).stdout.contains("Exit codes:"));
    assert_eq!(help(&["vm1", "x", "--no-such-option"]).code, 2);
}

/// A terminal: our end of it, and the program's.
fn terminal() -> (File, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    (ours.into(), theirs.into())
}

/// Runs a program on a terminal, and returns what the terminal got.
fn on_terminal(program: &mut Command) -> (i32, String) {
    let (mut ours, theirs) = terminal();
    program.stdin(theirs.try_clone().unwrap()).stdout(theirs.try_clone().unwrap()).stderr(theirs);
    let mut child = program.spawn().unwrap();
    // Our end ends when nobody has the other one open any more.
    program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let reading = thread::spawn(move || {
        let (mut text, mut bytes) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = ours.read(&mut bytes) {
            text.extend_from_slice(&bytes[..count]);
        }
        String::from_utf8(text).unwrap()
    });
    let code = child.wait().unwrap().code().unwrap();
    (code, reading.join().unwrap())
}

#[test]
fn a_terminal_gets_colours_and_no_sequences_of_the_server() {
    let mock = Mock::monitor();
    mock.on("query-x").answer_json("{\"a\": \"\u{9b}31m\"}");
    mock.on("query-y").answer("\u{1b}[2J");
    mock.on("query-z").return_error(ErrorClass::GenericError, "\u{1b}[2J");
    let run = |arguments: &[&str]| {
        on_terminal(program().env("TERM", "xterm").arg(mock.path()).args(arguments))
    };
    let (code, text) = run(&["query-x"]);
    assert_eq!(code, 0);
    assert!(text.contains("\u{1b}[32m\"\\u009B31m\"\u{1b}[0m"), "{text:?}");
    assert_eq!(run(&["query-x", "--color", "never"]).1, "{\"a\": \"\\u009B31m\"}\r\n");
    assert_eq!(run(&["query-y", "-r"]), (0, "\\u{1b}[2J\r\n".into()));
    let (code, text) = run(&["query-z"]);
    assert!(code == 1 && text.contains("\\u{1b}[2J") && !text.contains('\u{1b}'), "{text:?}");
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let mut program = program();
        program.env("TERM", "xterm").env(name, value).arg(mock.path()).arg("query-x");
        assert_eq!(on_terminal(&mut program).1, "{\"a\": \"\\u009B31m\"}\r\n", "{name}");
    }
    // The same on a pipe.
    assert_eq!(qmp(&mock, &["query-y", "-r"]).stdout, "\u{1b}[2J\n");
}

#[test]
fn a_terminal_is_told_what_the_program_waits_for() {
    let mock = Mock::monitor();
    mock.on("query-slow").delay(Duration::from_millis(2600)).answer(json!({}));
    let (code, text) =
        on_terminal(program().arg(mock.path()).args(["query-slow", "--color=never"]));
    assert_eq!(code, 0);
    let told = format!("waiting for the reply to query-slow ({})", mock.address());
    assert!(text.starts_with(&told) && text.ends_with("\r\n{}\r\n"), "{text:?}");
    assert_eq!(text.lines().count(), 2, "once: {text:?}");
    // A pipe is told nothing.
    assert_eq!(qmp(&mock, &["query-slow"]).all(), (0, "{}\n", ""));
}

#[test]
fn a_secret_can_come_from_stdin() {
    let mock = Mock::monitor();
    mock.on("set_password").with(json!({"protocol": "vnc", "password": "7"})).return_empty();
    let words = ["set_password", "protocol=vnc", "password=@-"];
    let mut child = start(program().arg(mock.path()).args(words));
    child.stdin.take().unwrap().write_all(b"7\n").unwrap();
    let run: Run = child.wait_with_output().unwrap().into();
    assert_eq!(run.all(), (0, "{}\n", ""));
    mock.verify();
}
