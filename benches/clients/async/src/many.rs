//! Many connections.

use bench_measure::{Check as _, Clock, Failure, QueryVersion, Report, Task, resident};
use qmp_driver::Client;

use crate::{Host, connect};

/// Measures the memory of idle connections, before and after a large reply to each.
pub(crate) async fn idle(host: &impl Host, task: &Task) -> Result<Report, Failure> {
    let count = task.number("connections")?;
    drop(connect(host, task).await?);
    let before = resident()?;
    let clock = Clock::start();
    let connections = connect_all(host, task, count).await?;
    let report = clock.stop(count);
    let idle = resident()?;
    for qemu in &connections {
        let reply = qemu.execute("query-qmp-schema").await?;
        if reply.message().len() < 200_000 {
            return Err("this is no large reply".into());
        }
    }
    let after = resident()?;
    let each = |bytes: f64| (bytes - before) / count as f64;
    Ok(report.with("idle_bytes", each(idle)).with("after_large_bytes", each(after)))
}

/// One task per connection, each sending commands one after another.
pub(crate) async fn busy(host: &impl Host, task: &Task) -> Result<Report, Failure> {
    let (count, rounds) = (task.number("connections")?, task.number("rounds")?);
    let connections = connect_all(host, task, count).await?;
    let spread = async |rounds: usize| -> Result<(), Failure> {
        let tasks: Vec<_> = connections
            .iter()
            .map(|qemu| {
                let qemu = qemu.clone();
                host.spawn(async move {
                    for _ in 0..rounds {
                        qemu.call(&QueryVersion::new()).await?.check()?;
                    }
                    Ok(())
                })
            })
            .collect();
        for task in tasks {
            task.await?;
        }
        Ok(())
    };
    spread(1).await?;
    let clock = Clock::start();
    spread(rounds).await?;
    Ok(clock.stop(count * rounds))
}

async fn connect_all(host: &impl Host, task: &Task, count: usize) -> Result<Vec<Client>, Failure> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        connections.push(connect(host, task).await?);
    }
    Ok(connections)
}
