//! Stops waiting for a monitor after a time limit. Nothing of the attempt is left behind, so the
//! program can exit at once.
//!
//! ```text
//! cargo run -p qmp-tokio --example give_up -- unix:/run/vm.qmp 200
//! ```
//!
//! With `--when-up` it waits for a QEMU that is still starting. With `--one-thread` it runs on one
//! thread.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::timeout;

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (options, arguments): (Vec<_>, Vec<_>) =
        arguments.iter().map(String::as_str).partition(|it| it.starts_with("--"));
    let milliseconds = arguments.get(1).and_then(|text| text.parse().ok());
    let (Some(address), Some(milliseconds)) = (arguments.first(), milliseconds) else {
        eprintln!("usage: give_up ADDRESS MILLISECONDS [--when-up] [--one-thread]");
        return Ok(ExitCode::from(2));
    };
    let mut runtime = match options.contains(&"--one-thread") {
        true => Builder::new_current_thread(),
        false => Builder::new_multi_thread(),
    };
    let limit = Duration::from_millis(milliseconds);
    let when_up = options.contains(&"--when-up");
    Ok(runtime.enable_all().build()?.block_on(run(address, limit, when_up)))
}

async fn run(address: &str, limit: Duration, when_up: bool) -> ExitCode {
    let builder = qmp_tokio::builder();
    let connected = match when_up {
        true => timeout(limit, builder.connect_with_retry(address, || Ok(None))).await,
        false => timeout(limit, builder.connect(address)).await,
    };
    match connected {
        Ok(Ok(qemu)) => println!("connected to QEMU {}", qemu.version().unwrap_or_default()),
        Ok(Err(error)) => {
            eprintln!("give_up: {error}");
            return ExitCode::FAILURE;
        }
        Err(_) => println!("given up after {limit:?}"),
    }
    ExitCode::SUCCESS
}
