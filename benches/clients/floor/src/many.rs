//! Many connections.

use bench_measure::{Clock, Failure, Report, Task, resident};

use crate::wire::{Lines, Wire};

const COMMAND: &[u8] = b"{\"execute\":\"query-version\",\"id\":0}";

/// One task per connection that waits for input, if there are tasks; no buffers.
pub(crate) async fn idle<W: Wire>(task: &Task) -> Result<Report, Failure> {
    let count = task.number("connections")?;
    Lines::<W>::connect_small(&task.socket).await?.negotiate().await?;
    let before = resident()?;
    let clock = Clock::start();
    let mut waiting = Vec::with_capacity(count);
    for _ in 0..count {
        let mut qemu = Lines::<W>::connect_small(&task.socket).await?;
        qemu.negotiate().await?;
        waiting.push(W::spawn(async move { qemu.wait().await }));
    }
    let report = clock.stop(count);
    let idle = (resident()? - before) / count as f64;
    drop(waiting);
    // A large reply makes no difference here.
    Ok(report.with("idle_bytes", idle).with("after_large_bytes", idle))
}

pub(crate) async fn busy<W: Wire>(task: &Task) -> Result<Report, Failure> {
    let (count, rounds) = (task.number("connections")?, task.number("rounds")?);
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        let mut qemu = Lines::<W>::connect_small(&task.socket).await?;
        qemu.negotiate().await?;
        connections.push(qemu);
    }
    let clock = Clock::start();
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|mut qemu| {
            W::spawn(async move {
                for _ in 0..rounds {
                    qemu.ask(COMMAND, 1).await?;
                }
                Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await?;
    }
    Ok(clock.stop(count * rounds))
}
