//! Handles a command that takes longer than its deadline: query the state that it should have
//! changed before sending anything again.
//!
//! ```text
//! cargo run -p qmp-smol --example timeout -- unix:/run/vm.qmp
//! ```

use std::process::ExitCode;
use std::time::Duration;

use qmp_smol::types::{Cont, QueryStatus};
use qmp_smol::{Client, Error, Outcome, connect};

fn main() -> ExitCode {
    let Some(address) = std::env::args().nth(1) else {
        eprintln!("usage: timeout ADDRESS");
        return ExitCode::from(2);
    };
    match smol::block_on(run(&address)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("timeout: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(address: &str) -> Result<(), Error> {
    let qemu = connect(address).await?;
    let deadline = Duration::ZERO;
    match qemu.call(&Cont::new()).timeout(deadline).await {
        Ok(_) => println!("it was done in time"),
        Err(error) if error.outcome() == Outcome::Unknown => {
            println!("{error}");
            // The connection is still usable: a late reply is discarded.
            if is_running(&qemu).await? {
                println!("it was done all the same");
            } else {
                qemu.call(&Cont::new()).await?;
                println!("it was not done, and is now");
            }
        }
        Err(error) => return Err(error),
    }
    qemu.close().await
}

async fn is_running(qemu: &Client) -> Result<bool, Error> {
    Ok(qemu.call(&QueryStatus::new()).await?.running)
}
