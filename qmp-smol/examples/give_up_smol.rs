//! Stops waiting for a monitor after a time limit. Nothing of the attempt is left behind, so the
//! program can exit at once.
//!
//! ```text
//! cargo run -p qmp-smol --example give_up_smol -- unix:/run/vm.qmp 200
//! ```
//!
//! With `--when-up` it waits for a QEMU that is still starting.

use std::process::ExitCode;
use std::time::Duration;

use smol::{Timer, future};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (options, arguments): (Vec<_>, Vec<_>) =
        arguments.iter().map(String::as_str).partition(|it| it.starts_with("--"));
    let milliseconds = arguments.get(1).and_then(|text| text.parse().ok());
    let (Some(address), Some(milliseconds)) = (arguments.first(), milliseconds) else {
        eprintln!("usage: give_up_smol ADDRESS MILLISECONDS [--when-up]");
        return ExitCode::from(2);
    };
    let limit = Duration::from_millis(milliseconds);
    smol::block_on(run(address, limit, options.contains(&"--when-up")))
}

async fn run(address: &str, limit: Duration, when_up: bool) -> ExitCode {
    let builder = qmp_smol::builder();
    let connect = async {
        Some(match when_up {
            true => builder.connect_with_retry(address, || Ok(None)).await,
            false => builder.connect(address).await,
        })
    };
    let expire = async {
        Timer::after(limit).await;
        None
    };
    match future::or(connect, expire).await {
        Some(Ok(qemu)) => println!("connected to QEMU {}", qemu.version().unwrap_or_default()),
        Some(Err(error)) => {
            eprintln!("give_up_smol: {error}");
            return ExitCode::FAILURE;
        }
        None => println!("given up after {limit:?}"),
    }
    ExitCode::SUCCESS
}
