//! A flood of events.

use bench_measure::{Clock, Data, Failure, Report, Tally, Task};
use qmp::Error;
use qmp::types::Event;
use serde_json::{Value, json};

use crate::connect;

async fn flood(
    task: &Task,
    take: impl Fn(Event) -> Result<u64, Failure> + Send + 'static,
) -> Result<Report, Failure> {
    let qemu = connect(task).await?;
    let count = task.count()?;
    let mut events = qemu.events();
    let mut tally = Tally::default();
    let clock = Clock::start();
    let reader = tokio::spawn(async move {
        loop {
            match events.recv().await {
                Ok(event) => {
                    let last = tally.count(&event.name)?;
                    tally.add(take(event)?);
                    if last {
                        return Ok::<_, Failure>(tally);
                    }
                }
                Err(Error::EventLagged { missed }) => tally.lose(missed),
                Err(error) => return Err(error.into()),
            }
        }
    });
    qemu.execute::<_, Value>("x-events", Some(json!({"count": count}))).await?;
    reader.await??.finish(clock, count)
}

pub(crate) async fn to_value(task: &Task) -> Result<Report, Failure> {
    flood(task, |event| Ok(event.data.as_object().map_or(0, |data| data.len() as u64))).await
}

pub(crate) async fn typed(task: &Task) -> Result<Report, Failure> {
    flood(task, |event| Ok(Data::from_value(&event.name, event.data)?.sum())).await
}
