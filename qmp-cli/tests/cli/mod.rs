//! Runs the program.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::Write;
use std::process::{Child, Command, Output, Stdio};

use qmp_mock::Mock;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_qmp");

/// What the program printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn all(&self) -> (i32, &str, &str) {
        (self.code, &self.stdout, &self.stderr)
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// The program, without the environment of whoever runs the tests.
pub(crate) fn program() -> Command {
    program_at(PROGRAM)
}

/// The same, by another path.
pub(crate) fn program_at(path: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut program = Command::new(path);
    let colours = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"];
    for name in ["QMP_TARGET", "QMP_SOCKET", "QMP_TIMEOUT", "HOME"].into_iter().chain(colours) {
        program.env_remove(name);
    }
    program.env("XDG_CONFIG_HOME", "/nowhere").stdin(Stdio::null());
    program
}

/// Runs the program on a target.
pub(crate) fn run(target: &str, arguments: &[&str]) -> Run {
    program().arg(target).args(arguments).output().unwrap().into()
}

/// Runs the program on a mock.
pub(crate) fn qmp(mock: &Mock, arguments: &[&str]) -> Run {
    run(&mock.address().to_string(), arguments)
}

/// Runs the program with input.
pub(crate) fn with_input(mock: &Mock, arguments: &[&str], input: &str) -> Run {
    let mut child = start(program().arg(mock.address().to_string()).args(arguments));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

/// Starts a program with pipes.
pub(crate) fn start(program: &mut Command) -> Child {
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}
