//! Completion in bash, and in fish and zsh where they are installed.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod cli;
mod terminal;

use std::fs;
use std::path::Path;
use std::process::Command;

use conformance::server::notice;

use cli::{Run, program};
use terminal::{CTRL_U, ENTER, Options, TAB, Terminal};

/// Returns whether a shell can be started, and prints that it cannot.
fn is_installed(shell: &str) -> bool {
    match Command::new(shell).arg("--version").output() {
        Ok(output) => output.status.success(),
        Err(error) => {
            notice(&format!("not run: completion in {shell}: {error}"));
            false
        }
    }
}

/// Returns a shell that finds the program and a configuration in its home folder.
fn shell(name: &str, home: &Path) -> Command {
    let script: Run = program().args(["completions", name]).output().unwrap().into();
    assert_eq!(script.code, 0);
    fs::write(home.join("completion"), script.stdout).unwrap();
    fs::create_dir_all(home.join("qmp")).unwrap();
    fs::write(home.join("qmp/config.toml"), "targets.vm1 = \"/run/vm1.qmp\"").unwrap();
    fs::create_dir_all(home.join("images/inner")).unwrap();
    fs::write(home.join("images/disk.qcow2"), "").unwrap();
    let bin = Path::new(env!("CARGO_BIN_EXE_qmp")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new(name);
    shell.env("PATH", path).env("HOME", home).env("XDG_CONFIG_HOME", home).current_dir(home);
    shell
}

#[test]
fn fish_completes() {
    if !is_installed("fish") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    for (line, expected) in [
        ("qmp vm", &["vm1\ta target"][..]),
        ("qmp vm1 query-statu", &["query-status"]),
        ("qmp vm1 blockdev-add driver=qco", &["driver=qcow", "driver=qcow2"]),
        ("qmp vm1 blockdev-add driver=qcow2 file.dri", &["file.driver=\tone of several, required"]),
        (
            "qmp vm1 screendump filename=images/",
            &["filename=images/disk.qcow2", "filename=images/inner/"],
        ),
        ("qmp vm1 x a=@images/d", &["a=@images/disk.qcow2"]),
        ("qmp images/d", &["images/disk.qcow2"]),
        ("qmp vm1 wait DEVICE_DEL", &["DEVICE_DELETED"]),
        ("qmp completions f", &["fish"]),
    ] {
        let mut fish = shell("fish", home.path());
        let script = "source $HOME/completion; complete -C $argv[1]";
        let run: Run = fish.args(["-c", script, line]).output().unwrap().into();
        let found: Vec<_> = run.stdout.lines().map(str::trim_end).collect();
        assert_eq!(found, expected, "{line}: {run:?}");
    }
}

/// Presses Tab in a shell whose prompt is `z> `.
fn completed_in(shell: Command) -> Terminal {
    let mut terminal = Terminal::start(shell, Options::default());
    terminal.wait_for_line("z> ");
    terminal.press(ENTER);
    terminal.wait_for("z> \nz> ");
    for (line, completed) in [
        ("qmp vm", "qmp vm1"),
        ("qmp vm1 query-statu", "qmp vm1 query-status"),
        ("qmp vm1 device_del i", "qmp vm1 device_del id="),
        ("qmp vm1 blockdev-add driver=nul", "qmp vm1 blockdev-add driver=null-"),
        (
            "qmp vm1 blockdev-add driver=qcow2 file.dri",
            "qmp vm1 blockdev-add driver=qcow2 file.driver=",
        ),
        ("qmp vm1 screendump filename=images/d", "qmp vm1 screendump filename=images/disk.qcow2"),
        ("qmp vm1 x a=@images/d", "qmp vm1 x a=@images/disk.qcow2"),
        ("qmp images/d", "qmp images/disk.qcow2"),
        ("qmp vm1 wait DEVICE_DEL", "qmp vm1 wait DEVICE_DELETED"),
        ("qmp completions z", "qmp completions zsh"),
    ] {
        terminal.press(&format!("{line}{TAB}"));
        terminal.wait_for_line(&format!("z> {completed}"));
        // A signal could be lost while the shell completes, a key is not.
        terminal.press(CTRL_U);
        terminal.wait_for_line("z> ");
    }
    terminal
}

#[test]
fn bash_completes() {
    let home = tempfile::tempdir().unwrap();
    let mut bash = shell("bash", home.path());
    // The tests' terminal has no echo, which bash would obey.
    let setup = "PS1='z> '; PROMPT_COMMAND='stty echo'; source $HOME/completion\n\
                 bind 'set enable-bracketed-paste off'\n";
    fs::write(home.path().join(".bashrc"), setup).unwrap();
    bash.args(["--rcfile", ".bashrc", "-i"]);
    completed_in(bash).kill();
}

#[test]
fn zsh_completes() {
    if !is_installed("zsh") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut zsh = shell("zsh", home.path());
    let setup = "PS1='z> '; unsetopt prompt_sp; autoload -Uz compinit; compinit -u -D\n\
                 source $HOME/completion\n";
    fs::write(home.path().join(".zshrc"), setup).unwrap();
    zsh.env("ZDOTDIR", home.path()).args(["-d", "-i"]);
    let mut terminal = completed_in(zsh);
    // Candidates are listed with a word about each.
    terminal.press(&format!("qmp vm1 blockdev-add driver=qcow2 file{TAB}"));
    terminal.wait_for("file.  -- object, required");
    terminal.wait_for("file=  -- string, required");
    terminal.kill();
}
