//! qmp-tokio and qmp-smol: their clients are the same, so the workloads are, too.

mod events;
mod many;
mod one;
mod upload;

use std::future::Future;
use std::sync::Arc;

use bench_measure::{Failure, Task};
use qmp_driver::Client;

/// A runtime in one of its configurations.
pub trait Host: Clone + Send + Sync + 'static {
    /// Connects to a monitor or an agent.
    fn connect(
        &self,
        address: String,
        agent: bool,
    ) -> impl Future<Output = Result<Client, Failure>> + Send;

    /// Spawns a task; returns its output.
    fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> impl Future<Output = Result<T, Failure>> + Send;
}

/// Runs the task, and prints the measurements.
pub async fn run(host: impl Host, task: Task) -> Result<(), Failure> {
    let task = Arc::new(task);
    let report = match task.workload.as_str() {
        "round-trip" => one::round_trip(&host, &task).await,
        "in-flight" => one::in_flight(&host, &task).await,
        "schema-value" => one::schema_value(&host, &task).await,
        "schema-owned" => one::schema_owned(&host, &task).await,
        "schema-borrowed" => one::schema_borrowed(&host, &task).await,
        "string" => one::string(&host, &task).await,
        "connect" => one::connect_again(&host, &task).await,
        "agent" => one::agent(&host, &task).await,
        "events" => events::untyped(&host, &task).await,
        "events-value" => events::to_value(&host, &task).await,
        "events-typed" => events::typed(&host, &task).await,
        "subscribers" => events::subscribers(&host, &task).await,
        "idle" => many::idle(&host, &task).await,
        "busy" => many::busy(&host, &task).await,
        "upload" => upload::upload(&host, &task).await,
        _ => Err(task.unknown()),
    }?;
    report.print();
    Ok(())
}

async fn connect(host: &impl Host, task: &Task) -> Result<Client, Failure> {
    host.connect(format!("unix:{}", task.socket), false).await
}
