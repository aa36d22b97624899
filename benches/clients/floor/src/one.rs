//! One connection to a monitor.

use bench_measure::{Clock, Failure, Report, Task};

use crate::wire::{Lines, Wire};

const COMMAND: &[u8] = b"{\"execute\":\"query-version\",\"id\":0}";

/// In a task, as in a server.
pub(crate) async fn round_trip<W: Wire>(task: &Task) -> Result<Report, Failure> {
    let mut qemu = Lines::<W>::monitor(&task.socket).await?;
    let (warm_up, count) = (task.warm_up()?, task.count()?);
    W::spawn(async move {
        for _ in 0..warm_up {
            qemu.ask(COMMAND, 1).await?;
        }
        let clock = Clock::start();
        for _ in 0..count {
            qemu.ask(COMMAND, 1).await?;
        }
        Ok(clock.stop(count))
    })
    .await
}

/// This number of commands in one write.
pub(crate) async fn in_flight<W: Wire>(task: &Task) -> Result<Report, Failure> {
    let (width, count) = (task.number("width")?, task.count()?);
    let mut qemu = Lines::<W>::monitor(&task.socket).await?;
    let commands = COMMAND.repeat(width);
    let warm_up = task.warm_up()?.div_ceil(width);
    W::spawn(async move {
        for _ in 0..warm_up {
            qemu.ask(&commands, width).await?;
        }
        let clock = Clock::start();
        for _ in 0..count / width {
            qemu.ask(&commands, width).await?;
        }
        Ok(clock.stop(count / width * width))
    })
    .await
}

pub(crate) async fn schema<W: Wire>(task: &Task) -> Result<Report, Failure> {
    repeat::<W>(task, b"{\"execute\":\"query-qmp-schema\",\"id\":0}").await
}

pub(crate) async fn string<W: Wire>(task: &Task) -> Result<Report, Failure> {
    let size = task.number("size")?;
    let command =
        format!("{{\"execute\":\"x-string\",\"arguments\":{{\"size\":{size}}},\"id\":0}}");
    repeat::<W>(task, command.as_bytes()).await
}

async fn repeat<W: Wire>(task: &Task, command: &[u8]) -> Result<Report, Failure> {
    let mut qemu = Lines::<W>::monitor(&task.socket).await?;
    qemu.ask(command, 1).await?;
    let clock = Clock::start();
    for _ in 0..task.count()? {
        qemu.ask(command, 1).await?;
    }
    Ok(clock.stop(task.count()?))
}

pub(crate) async fn connect_again<W: Wire>(task: &Task) -> Result<Report, Failure> {
    let task = task.clone();
    W::spawn(async move {
        let repeat = async |count| -> Result<(), Failure> {
            for _ in 0..count {
                Lines::<W>::connect_small(&task.socket).await?.negotiate().await?;
            }
            Ok(())
        };
        repeat(task.warm_up()?).await?;
        let clock = Clock::start();
        repeat(task.count()?).await?;
        Ok(clock.stop(task.count()?))
    })
    .await
}

pub(crate) async fn events<W: Wire>(task: &Task) -> Result<Report, Failure> {
    let count = task.count()?;
    let mut qemu = Lines::<W>::monitor(&task.socket).await?;
    let command =
        format!("{{\"execute\":\"x-events\",\"arguments\":{{\"count\":{count}}},\"id\":0}}");
    W::spawn(async move {
        let clock = Clock::start();
        // The reply, and the last event.
        qemu.ask(command.as_bytes(), count + 2).await?;
        Ok(clock.stop(count))
    })
    .await
}
