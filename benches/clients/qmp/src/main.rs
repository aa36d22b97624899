//! The crate `qmp`, on one thread or with `multi=1` on several.

mod events;
mod many;
mod one;

use std::sync::Arc;

use bench_measure::{Failure, Report, Task};
use qmp::{Client, Endpoint};
use tokio::runtime::Builder;

fn main() -> Result<(), Failure> {
    let task = Task::from_arguments()?;
    let mut builder = match task.has("multi") {
        true => Builder::new_multi_thread(),
        false => Builder::new_current_thread(),
    };
    builder.enable_all().build()?.block_on(run(Arc::new(task)))?.print();
    Ok(())
}

async fn run(task: Arc<Task>) -> Result<Report, Failure> {
    match task.workload.as_str() {
        "round-trip" => one::round_trip(&task).await,
        "in-flight" => one::in_flight(&task).await,
        "schema-value" => one::schema_value(&task).await,
        "schema-owned" => one::schema_owned(&task).await,
        "string" => one::string(&task).await,
        "connect" => one::connect_again(&task).await,
        "events-value" => events::to_value(&task).await,
        "events-typed" => events::typed(&task).await,
        "idle" => many::idle(&task).await,
        "busy" => many::busy(&task).await,
        _ => Err(task.unknown()),
    }
}

async fn connect(task: &Task) -> Result<Client, Failure> {
    Ok(Client::connect(Endpoint::unix(&task.socket)).await?)
}
