//! Many connections.

use bench_measure::{Clock, Failure, Report, Task, resident};
use qmp::Client;
use serde_json::Value;

use crate::connect;
use crate::one::repeat;

pub(crate) async fn idle(task: &Task) -> Result<Report, Failure> {
    let count = task.number("connections")?;
    drop(connect(task).await?);
    let before = resident()?;
    let clock = Clock::start();
    let connections = connect_all(task, count).await?;
    let report = clock.stop(count);
    let idle = resident()?;
    for qemu in &connections {
        let schema: Value = qemu.execute("query-qmp-schema", None::<()>).await?;
        if schema.as_array().is_none_or(Vec::is_empty) {
            return Err("this is no large reply".into());
        }
    }
    let after = resident()?;
    let each = |bytes: f64| (bytes - before) / count as f64;
    Ok(report.with("idle_bytes", each(idle)).with("after_large_bytes", each(after)))
}

pub(crate) async fn busy(task: &Task) -> Result<Report, Failure> {
    let (count, rounds) = (task.number("connections")?, task.number("rounds")?);
    let connections = connect_all(task, count).await?;
    let spread = async |rounds: usize| -> Result<(), Failure> {
        let tasks: Vec<_> = connections
            .iter()
            .map(|qemu| {
                let qemu = qemu.clone();
                tokio::spawn(async move { repeat(&qemu, rounds).await })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok(())
    };
    spread(1).await?;
    let clock = Clock::start();
    spread(rounds).await?;
    Ok(clock.stop(count * rounds))
}

async fn connect_all(task: &Task, count: usize) -> Result<Vec<Client>, Failure> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        connections.push(connect(task).await?);
    }
    Ok(connections)
}
