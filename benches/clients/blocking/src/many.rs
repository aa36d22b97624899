//! Many connections in one thread.

use bench_measure::{Check as _, Clock, Failure, QueryVersion, Report, Task, resident};
use qmp_blocking::Client;

use crate::connect;

/// Measures the memory of idle connections, before and after a large reply to each.
pub(crate) fn idle(task: &Task) -> Result<Report, Failure> {
    let count = task.number("connections")?;
    drop(connect(task)?);
    let before = resident()?;
    let clock = Clock::start();
    let connections = connect_all(task, count)?;
    let report = clock.stop(count);
    let idle = resident()?;
    for qemu in &connections {
        let reply = qemu.execute("query-qmp-schema").run()?;
        if reply.message().len() < 200_000 {
            return Err("this is no large reply".into());
        }
    }
    let after = resident()?;
    let each = |bytes: f64| (bytes - before) / count as f64;
    Ok(report.with("idle_bytes", each(idle)).with("after_large_bytes", each(after)))
}

/// Sends a command on every connection, then receives all replies, repeatedly.
pub(crate) fn busy(task: &Task) -> Result<Report, Failure> {
    let (count, rounds) = (task.number("connections")?, task.number("rounds")?);
    let connections = connect_all(task, count)?;
    let repeat = |rounds| -> Result<(), Failure> {
        for _ in 0..rounds {
            let sent = connections.iter().map(|qemu| qemu.call(&QueryVersion::new()).send());
            let sent = sent.collect::<Result<Vec<_>, _>>()?;
            for sent in sent {
                sent.recv()?.check()?;
            }
        }
        Ok(())
    };
    repeat(1)?;
    let clock = Clock::start();
    repeat(rounds)?;
    Ok(clock.stop(count * rounds))
}

fn connect_all(task: &Task, count: usize) -> Result<Vec<Client>, Failure> {
    (0..count).map(|_| connect(task)).collect()
}
