//! Watches any number of QEMUs, each in its own task, until all of them have exited.
//!
//! ```text
//! cargo run -p qmp-tokio --example watch -- unix:/run/one.qmp unix:/run/two.qmp
//! ```

use std::process::ExitCode;

use qmp_tokio::types::QueryStatus;
use qmp_tokio::{Error, Escaped, EventItem, connect};
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut tasks = JoinSet::new();
    for address in std::env::args().skip(1) {
        tasks.spawn(watch(address));
    }
    let mut code = ExitCode::SUCCESS;
    while let Some(ended) = tasks.join_next().await {
        if let Ok(Err(error)) = ended {
            eprintln!("watch: {error}");
            code = ExitCode::FAILURE;
        }
    }
    code
}

async fn watch(address: String) -> Result<(), Error> {
    let qemu = connect(&address).await?;
    let mut events = qemu.events().subscribe();
    let status = qemu.call(&QueryStatus::new()).await?;
    println!("{address}: {}", Escaped(status.status.as_str()));
    while let Some(item) = events.recv().await {
        match item {
            EventItem::Event(event) => println!("{address}: {}", Escaped(event.name())),
            EventItem::Lagged(count) => println!("{address}: {count} events were not read in time"),
            _ => {}
        }
    }
    println!("{address}: {}", qemu.closed().await);
    Ok(())
}
