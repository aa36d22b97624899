//! Runs a program in a guest and prints its output.
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
use qmp_blocking::types::qga::{GuestExec, GuestExecStatus};
use qmp_blocking::{Command, Error};
use serde::Deserialize;

/// The reply, without decoded output. With the reply's own type, invalid base64 would be an error of
/// the whole reply, and the exit code would be lost.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Status {
    exited: bool,
    /// A 32-bit value on Windows.
    exitcode: Option<i64>,
    signal: Option<i64>,
    /// Base64, as is all binary data of the agent.
    #[serde(default)]
    out_data: String,
    #[serde(default)]
    err_data: String,
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
    // Both are printed, even if one of them is invalid.
    let output = written(std::io::stdout(), "output", &status.out_data);
    let errors = written(std::io::stderr(), "error output", &status.err_data);
    exit_code(path, &status, output && errors)
}

/// Prints the program's output. Returns false if the agent sent something that is not base64.
fn written(mut to: impl Write, what: &str, data: &str) -> bool {
    match BASE64_STANDARD.decode(data) {
        Ok(bytes) => {
            // A closed stream takes no output, and there is nowhere to report that.
            let _ = to.write_all(&bytes);
            true
        }
        Err(error) => {
            eprintln!("guest_exec: the program's {what} is not base64: {error}");
            false
        }
    }
}

/// Returns the program's exit code if the output was complete and the code fits into one byte.
/// Otherwise prints the code.
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
    let agent = qmp_blocking::builder().agent().timeout(Duration::from_secs(5)).connect(address)?;
    let exec = GuestExec::new(path).arg(arg).capture_output(true);
    let query = GuestExecStatus::new(agent.call(&exec).run()?.pid);
    loop {
        let reply = agent.execute(GuestExecStatus::NAME).arguments(&query).run()?;
        let status: Status = reply.decode()?;
        // The first status that reports the exit is the last one: the agent then forgets the
        // process.
        if status.exited {
            return Ok(status);
        }
        sleep(Duration::from_millis(50));
    }
}
