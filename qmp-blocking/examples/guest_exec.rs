//! Runs a program in a guest and prints what it printed.
//!
//! ```text
//! cargo run -p qmp-blocking --example guest_exec -- unix:/run/vm.qga uname -a
//! ```

use std::io::Write;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use qmp_blocking::{Command, Error};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct GuestExec<'a> {
    path: &'a str,
    arg: &'a [String],
    capture_output: bool,
}

#[derive(Deserialize)]
struct Process {
    pid: i64,
}

impl Command for GuestExec<'_> {
    const NAME: &'static str = "guest-exec";
    type Output = Process;
}

#[derive(Serialize)]
struct GuestExecStatus {
    pid: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Status {
    exited: bool,
    /// Of 32 bits on Windows.
    exitcode: Option<i64>,
    signal: Option<i64>,
    /// Base64, as all binary data of the agent's.
    #[serde(default)]
    out_data: String,
    #[serde(default)]
    err_data: String,
}

impl Command for GuestExecStatus {
    const NAME: &'static str = "guest-exec-status";
    type Output = Status;
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, arg @ ..] = arguments.as_slice() else {
        eprintln!("usage: guest_exec ADDRESS PATH [ARGUMENT...]");
        return ExitCode::from(2);
    };
    let status = match run(address, path, arg) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("guest_exec: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Each is told whatever is wrong with the others.
    let output = written(std::io::stdout(), "output", &status.out_data);
    let errors = written(std::io::stderr(), "error output", &status.err_data);
    exit_code(path, &status, output && errors)
}

/// Passes on what the program wrote; false if the agent sent something else.
fn written(mut to: impl Write, what: &str, data: &str) -> bool {
    match BASE64_STANDARD.decode(data) {
        Ok(bytes) => {
            // A stream that is closed takes no output; there is nobody to tell.
            let _ = to.write_all(&bytes);
            true
        }
        Err(error) => {
            eprintln!("guest_exec: the program's {what} is not base64: {error}");
            false
        }
    }
}

/// The program's exit code, where `whole` output was passed on and one byte is enough for the code.
/// Otherwise it is printed.
fn exit_code(path: &str, status: &Status, whole: bool) -> ExitCode {
    match (status.signal, status.exitcode) {
        (Some(signal), _) => eprintln!("guest_exec: {path} was ended by signal {signal}"),
        (None, Some(code)) => match u8::try_from(code) {
            Ok(code) if whole => return ExitCode::from(code),
            _ => eprintln!("guest_exec: {path} exited with code {code} ({code:#X})"),
        },
        (None, None) => eprintln!("guest_exec: {path} exited, and the agent gave no code"),
    }
    ExitCode::FAILURE
}

fn run(address: &str, path: &str, arg: &[String]) -> Result<Status, Error> {
    let agent =
        qmp_blocking::builder().agent().deadline(Duration::from_secs(5)).connect(address)?;
    let Process { pid } = agent.call(&GuestExec { path, arg, capture_output: true }).run()?;
    loop {
        let status = agent.call(&GuestExecStatus { pid }).run()?;
        // The first status that says so is the only one: the agent forgets the process with it.
        if status.exited {
            return Ok(status);
        }
        sleep(Duration::from_millis(50));
    }
}
