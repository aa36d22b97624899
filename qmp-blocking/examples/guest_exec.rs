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
    exitcode: Option<u8>,
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
    // A stream that is closed takes no output; there is nobody to tell.
    let _ = std::io::stdout().write_all(&decoded(&status.out_data));
    let _ = std::io::stderr().write_all(&decoded(&status.err_data));
    if let Some(signal) = status.signal {
        eprintln!("guest_exec: {path} was ended by signal {signal}");
    }
    ExitCode::from(status.exitcode.unwrap_or(1))
}

fn decoded(data: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(data).unwrap_or_default()
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
