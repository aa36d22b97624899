//! The floor that clients are compared with. It uses the same sockets, runtimes and bytes, but does
//! not process JSON: it writes prepared bytes and searches for line ends.

mod agent;
mod many;
mod one;
mod wire;

use bench_measure::{Failure, Report, Task};
use wire::{Blocking, Smol, Tokio, Wire};

/// `floor=1` is blocking, `2` tokio, `3` smol.
fn main() -> Result<(), Failure> {
    let task = Task::from_arguments()?;
    let report = match task.number("floor")? {
        1 => futures_lite::future::block_on(run::<Blocking>(&task)),
        2 => {
            let mut builder = match task.has("multi") {
                true => tokio::runtime::Builder::new_multi_thread(),
                false => tokio::runtime::Builder::new_current_thread(),
            };
            builder.enable_all().build()?.block_on(run::<Tokio>(&task))
        }
        _ => smol::block_on(wire::EXECUTOR.run(run::<Smol>(&task))),
    }?;
    report.print();
    Ok(())
}

async fn run<W: Wire>(task: &Task) -> Result<Report, Failure> {
    match task.workload.as_str() {
        "round-trip" => one::round_trip::<W>(task).await,
        "in-flight" => one::in_flight::<W>(task).await,
        "schema-value" | "schema-owned" | "schema-borrowed" => one::schema::<W>(task).await,
        "string" => one::string::<W>(task).await,
        "connect" => one::connect_again::<W>(task).await,
        "events" | "events-value" | "events-typed" => one::events::<W>(task).await,
        "agent" => agent::round_trip::<W>(task).await,
        "upload" => agent::upload::<W>(task).await,
        "idle" => many::idle::<W>(task).await,
        "busy" => many::busy::<W>(task).await,
        _ => Err(task.unknown()),
    }
}
