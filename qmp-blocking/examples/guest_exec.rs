//! Runs a program in a guest and prints what it printed.
//!
//! ```text
//! cargo run -p qmp-blocking --example guest_exec -- unix:/run/vm.qga uname -a
//! ```

use std::io::Write;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use qmp_blocking::Error;
use qmp_blocking::types::Base64;
use qmp_blocking::types::qga::{GuestExec, GuestExecStatus, GuestExecStatusReply};

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
    written(std::io::stdout(), status.out_data.as_ref());
    written(std::io::stderr(), status.err_data.as_ref());
    exit_code(path, &status)
}

/// Passes on what the program wrote.
fn written(mut to: impl Write, data: Option<&Base64>) {
    // A stream that is closed takes no output; there is nobody to tell.
    let _ = data.map(|bytes| to.write_all(bytes));
}

/// The program's exit code, where one byte is enough for it. Otherwise it is printed.
fn exit_code(path: &str, status: &GuestExecStatusReply) -> ExitCode {
    match (status.signal, status.exitcode) {
        (Some(signal), _) => eprintln!("guest_exec: {path} was ended by signal {signal}"),
        (None, Some(code)) => match u8::try_from(code) {
            Ok(code) => return ExitCode::from(code),
            Err(_) => eprintln!("guest_exec: {path} exited with code {code} ({code:#X})"),
        },
        (None, None) => eprintln!("guest_exec: {path} exited, and the agent gave no code"),
    }
    ExitCode::FAILURE
}

fn run(address: &str, path: &str, arg: &[String]) -> Result<GuestExecStatusReply, Error> {
    let agent =
        qmp_blocking::builder().agent().deadline(Duration::from_secs(5)).connect(address)?;
    let exec = GuestExec::new(path).arg(arg).capture_output(true);
    let pid = agent.call(&exec).run()?.pid;
    loop {
        let status = agent.call(&GuestExecStatus::new(pid)).run()?;
        // The first status that says so is the only one: the agent forgets the process with it.
        if status.exited {
            return Ok(status);
        }
        sleep(Duration::from_millis(50));
    }
}
