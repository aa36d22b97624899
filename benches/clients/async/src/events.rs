//! A flood of events, through subscriptions.

use bench_measure::{Clock, Failure, Report, Tally, Task, typed as typed_data};
use qmp_driver::{EventItem, OwnedEvent, Subscription};
use serde_json::Value;

use crate::{Host, connect};

async fn read(
    events: &mut Subscription,
    take: impl Fn(&OwnedEvent) -> Result<u64, Failure>,
) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    while let Some(item) = events.recv().await {
        match item {
            EventItem::Event(event) => {
                tally.add(take(&event)?);
                if tally.count(event.name())? {
                    return Ok(tally);
                }
            }
            EventItem::Lagged(count) => tally.lose(count as usize),
            other => return Err(format!("unexpected: {other:?}").into()),
        }
    }
    Err("the connection has ended".into())
}

/// A subscriber in a task of its own, on the same runtime as the driver.
async fn flood(
    host: &impl Host,
    task: &Task,
    take: impl Fn(&OwnedEvent) -> Result<u64, Failure> + Send + 'static,
) -> Result<Report, Failure> {
    let qemu = connect(host, task).await?;
    let count = task.count()?;
    let mut events = qemu.events().subscribe();
    let clock = Clock::start();
    let reader = host.spawn(async move { read(&mut events, take).await });
    qemu.execute("x-events").argument("count", count).await?;
    reader.await?.finish(clock, count)
}

fn envelope(event: &OwnedEvent) -> Result<u64, Failure> {
    Ok(event.timestamp().map_or(0, |time| time.microseconds as u64))
}

/// Names and times; the data stays text.
pub(crate) async fn untyped(host: &impl Host, task: &Task) -> Result<Report, Failure> {
    flood(host, task, envelope).await
}

pub(crate) async fn to_value(host: &impl Host, task: &Task) -> Result<Report, Failure> {
    let take = |event: &OwnedEvent| {
        let data: Value = event.decode()?;
        Ok(data.as_object().map_or(0, |data| data.len() as u64))
    };
    flood(host, task, take).await
}

pub(crate) async fn typed(host: &impl Host, task: &Task) -> Result<Report, Failure> {
    flood(host, task, |event: &OwnedEvent| typed_data(event)).await
}

/// Several subscribers, each with a task of its own; measures the cost of one event to all of them.
pub(crate) async fn subscribers(host: &impl Host, task: &Task) -> Result<Report, Failure> {
    let qemu = connect(host, task).await?;
    let (count, subscribers) = (task.count()?, task.number("subscribers")?);
    let clock = Clock::start();
    let readers: Vec<_> = (0..subscribers)
        .map(|_| {
            let mut events = qemu.events().subscribe();
            host.spawn(async move { read(&mut events, envelope).await })
        })
        .collect();
    qemu.execute("x-events").argument("count", count).await?;
    let mut tallies = Vec::new();
    for reader in readers {
        tallies.push(reader.await?);
    }
    let lost: usize = tallies.iter().map(Tally::lost).sum();
    let report = clock.stop(count).with("lost", lost as f64);
    tallies.iter().try_for_each(|tally| tally.check(count))?;
    Ok(report)
}
