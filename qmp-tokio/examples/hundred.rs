//! Runs a hundred QEMUs in one task: launched together, commands in flight together, and their
//! events merged into one stream. The only spawned tasks are the drivers.
//!
//! ```text
//! cargo run -p qmp-tokio --example hundred -- qemu-system-x86_64 100
//! ```

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use futures_util::stream::{StreamExt, select_all};
use qmp_tokio::{Client, Error, EventItem, Launch, Process, builder};

/// Without a machine and a guest, which makes QEMU as light as possible.
const OPTIONS: &str = "-nodefaults -display none -S -accel tcg -machine none -m 16";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [program, count] = &arguments[..] else {
        eprintln!("usage: hundred QEMU COUNT");
        return ExitCode::from(2);
    };
    match run(program, count.parse().unwrap_or(100)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hundred: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(program: &str, count: usize) -> Result<(), Error> {
    let started = Instant::now();
    let machines = try_join_all((0..count).map(|_| start(program))).await?;
    let (clients, mut processes): (Vec<Client>, Vec<Process>) = machines.into_iter().unzip();
    println!("{count} started in {:.1?}", started.elapsed());

    let mut events = select_all(clients.iter().map(|qemu| qemu.events().subscribe()));
    let mut counts = BTreeMap::new();
    let commands = async {
        for command in ["cont", "query-status", "stop"] {
            let started = Instant::now();
            let all = clients.iter().map(|qemu| qemu.execute(command));
            println!(
                "{command}: {} answers in {:.1?}",
                try_join_all(all).await?.len(),
                started.elapsed()
            );
        }
        try_join_all(clients.iter().map(|qemu| qemu.execute("quit"))).await
    };
    // The stream ends when the last connection ends.
    let counting = async {
        while let Some(item) = events.next().await {
            if let EventItem::Event(event) = item {
                *counts.entry(event.name().to_owned()).or_insert(0) += 1;
            }
        }
        Ok(())
    };
    tokio::try_join!(commands, counting)?;
    for (name, count) in counts {
        println!("{name}: {count}");
    }
    let ended = processes.iter_mut().filter_map(|process| process.wait().ok());
    println!("{} ended in good order", ended.filter(|status| status.success()).count());
    Ok(())
}

async fn start(program: &str) -> Result<(Client, Process), Error> {
    let launch = Launch::qemu(program).args(OPTIONS.split(' '));
    // Starting a hundred at once takes a while.
    builder().handshake_timeout(Duration::from_secs(120)).launch(launch).await
}
