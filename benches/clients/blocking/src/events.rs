//! A flood of events.

use bench_measure::{Clock, Failure, Report, Tally, Task, typed as typed_data};
use qmp_blocking::OwnedEvent;
use serde_json::Value;

use crate::connect;

fn flood(
    task: &Task,
    mut take: impl FnMut(&OwnedEvent, &mut Tally) -> Result<(), Failure>,
) -> Result<Report, Failure> {
    let qemu = connect(task)?;
    let count = task.count()?;
    let mut tally = Tally::default();
    let clock = Clock::start();
    qemu.execute("x-events").argument("count", &count).run()?;
    loop {
        let event = match qemu.event().wait() {
            Ok(event) => event,
            Err(error) => match error.cause() {
                qmp_blocking::Cause::EventsLost { count } => {
                    tally.lose(*count as usize);
                    continue;
                }
                _ => return Err(error.into()),
            },
        };
        take(&event, &mut tally)?;
        if tally.count(event.name())? {
            return tally.finish(clock, count);
        }
    }
}

/// Their names and times; what they carry stays text.
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
        tally.add(typed_data(event)?.sum());
        Ok(())
    })
}
