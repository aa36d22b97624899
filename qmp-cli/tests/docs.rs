//! Every console block of `docs/tool.md` and of the README, on a real QEMU.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod cli;

use std::fs;
use std::path::Path;
use std::process::Command;

use conformance::ready;
use conformance::server::{Suite, folder, on};

const TEXTS: [&str; 2] = [include_str!("../../docs/tool.md"), include_str!("../README.md")];

/// A command of a block, and what it prints.
struct Step {
    command: String,
    output: String,
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            line if inside => match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    steps.push(Step { command: command.to_owned(), output: String::new() });
                }
                (None, Some(step)) => {
                    step.output.push_str(line);
                    step.output.push('\n');
                }
                (None, None) => panic!("output before the first command: {line}"),
            },
            _ => {}
        }
    }
    steps
}

/// Whether an output is the expected one, in which `[..]` stands for any text on a line.
fn fits(expected: &str, actual: &str) -> bool {
    let mut parts = expected.split("[..]");
    let Some(mut rest) = actual.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    for part in parts {
        let line = rest.lines().next().unwrap_or_default().len();
        let Some(at) = rest.find(part).filter(|at| *at <= line) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

#[test]
fn the_blocks_of_the_documentation_print_what_they_say() {
    on("11.1", |suite| TEXTS.iter().for_each(|text| run(text, suite)));
}

/// Runs the blocks of a text one after another on the same QEMU.
fn run(text: &str, suite: &Suite) {
    let machine = "-M pc -nodefaults -display none -accel tcg -m 16";
    let mut qemu = suite.start("qemu-system-x86_64", folder(), |command| {
        command.args(machine.split(' ')).args(["-qmp", "unix:qmp,server=on,wait=off"]);
    });
    drop(ready(qemu.connect(qmp_blocking::builder)));
    let mut agent = suite.agent(&[]);
    drop(ready(agent.connect(|| qmp_blocking::builder().agent())));
    let home = folder();
    fs::create_dir(home.file("qmp")).unwrap();
    let configuration = format!(
        "[targets]\nvm1 = {{ monitor = \"{}\", agent = \"{}\" }}\n\
             [alias]\nst = \"query-status -q .status -r\"\n",
        qemu.address(),
        agent.address(),
    );
    fs::write(home.file("qmp/config.toml"), configuration).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_qmp")).parent().unwrap().display();
    let path = format!("{program}:{}", std::env::var("PATH").unwrap());
    let socket = qemu.path("qmp").display().to_string();
    let steps = steps(text);
    assert!(steps.len() > 4, "{} steps", steps.len());
    for Step { command, output } in steps {
        let mut shell = Command::new("sh");
        let script = format!("exec 2>&1\n{}", command.replace("/run/vm1.qmp", &socket));
        shell.args(["-c", &script]).env("PATH", &path).env("XDG_CONFIG_HOME", home.path());
        shell.env_remove("QMP_TIMEOUT").env_remove("NO_COLOR");
        let printed = String::from_utf8(shell.output().unwrap().stdout).unwrap();
        let printed = printed.replace(&socket, "/run/vm1.qmp");
        assert!(fits(&output, &printed), "$ {command}\nprints:\n{printed}instead of:\n{output}");
    }
}

#[test]
fn any_text_stands_for_any_text_on_a_line() {
    assert!(fits("a [..] b\n", "a x y b\n") && fits("a[..]", "a") && fits("", ""));
    assert!(!fits("a [..] b\n", "a x\n b\n") && !fits("a\n", "a\nb\n") && !fits("a", ""));
}
