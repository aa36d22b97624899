//! A flood of events.

use bench_measure::{Clock, Failure, Report, Tally, Task, typed as typed_data};
use qmp_blocking::{EventItem, OwnedEvent};
use serde_json::Value;

use crate::connect;

fn flood(
    task: &Task,
    mut take: impl FnMut(&OwnedEvent, &mut Tally) -> Result<(), Failure>,
) -> Result<Report, Failure> {
    let qemu = connect(task)?;
    let count = task.count()?;
    let mut tally = Tally::default();
    let mut events = qemu.events().subscribe();
    let clock = Clock::start();
    qemu.execute("x-events").argument("count", count).run()?;
    while let Some(item) = events.recv() {
        match item {
            EventItem::Event(event) => {
                take(&event, &mut tally)?;
                if tally.count(event.name())? {
                    return tally.finish(clock, count);
                }
            }
            EventItem::Lagged(count) => tally.lose(count as usize),
            _ => {}
        }
    }
    Err("the connection has ended".into())
}

/// Names and times; the data stays text.
pub(crate) fn untyped(task: &Task) -> Result<Report, Failure> {
    flood(task, |event, tally| {
        tally.add(event.timestamp().map_or(0, |time| time.microseconds as u64));
        Ok(())
    })
}

pub(crate) fn to_value(task: &Task) -> Result<Report, Failure> {
    flood(task, |event, tally| {
        let data: Value = event.decode()?;
        tally.add(data.as_object().map_or(0, |data| data.len() as u64));
        Ok(())
    })
}

pub(crate) fn typed(task: &Task) -> Result<Report, Failure> {
    flood(task, |event, tally| {
        tally.add(typed_data(event)?);
        Ok(())
    })
}
