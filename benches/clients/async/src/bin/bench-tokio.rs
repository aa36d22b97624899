//! qmp-tokio, on one thread or with `multi=1` on several.

use std::future::Future;

use bench_async::{Host, run};
use bench_measure::{Failure, Task};
use qmp_tokio::Client;
use tokio::runtime::Builder;

#[derive(Clone)]
struct Tokio;

impl Host for Tokio {
    async fn connect(&self, address: String, agent: bool) -> Result<Client, Failure> {
        Ok(match agent {
            true => qmp_tokio::connect_agent(address).await?,
            false => qmp_tokio::connect(address).await?,
        })
    }

    fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> impl Future<Output = Result<T, Failure>> + Send {
        let task = tokio::spawn(work);
        async { task.await? }
    }
}

fn main() -> Result<(), Failure> {
    let task = Task::from_arguments()?;
    let mut builder = match task.has("multi") {
        true => Builder::new_multi_thread(),
        false => Builder::new_current_thread(),
    };
    let runtime = builder.enable_all().build()?;
    runtime.block_on(run(Tokio, task))
}
