//! qmp-smol with its defaults (drivers on another thread, which they share), or with
//! `one=1` on one executor in one thread.

use std::future::Future;
use std::sync::Arc;

use bench_async::{Host, run};
use bench_measure::{Failure, Task};
use qmp_smol::Client;
use smol::Executor;

fn main() -> Result<(), Failure> {
    let task = Task::from_arguments()?;
    if task.has("one") {
        let executor = Arc::new(Executor::new());
        smol::block_on(executor.run(run(One(Arc::clone(&executor)), task)))
    } else {
        smol::block_on(run(Global, task))
    }
}

#[derive(Clone)]
struct Global;

impl Host for Global {
    async fn connect(&self, address: String, agent: bool) -> Result<Client, Failure> {
        Ok(match agent {
            true => qmp_smol::connect_agent(address).await?,
            false => qmp_smol::connect(address).await?,
        })
    }

    fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> impl Future<Output = Result<T, Failure>> + Send {
        smol::spawn(work)
    }
}

#[derive(Clone)]
struct One(Arc<Executor<'static>>);

impl Host for One {
    async fn connect(&self, address: String, agent: bool) -> Result<Client, Failure> {
        let builder = match agent {
            true => qmp_smol::builder().agent(),
            false => qmp_smol::builder(),
        };
        let (client, driver) = builder.connect_unspawned(address).await?;
        self.0.spawn(driver).detach();
        client.ready().await?;
        Ok(client)
    }

    fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> impl Future<Output = Result<T, Failure>> + Send {
        self.0.spawn(work)
    }
}
