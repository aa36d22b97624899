//! Commands on one connection.

use std::sync::Arc;

use bench_measure::{Clock, Failure, Report, Task, check_schema};
use bench_qapi::{Schema, Text};
use qapi::futures::QgaStreamTokio;
use qapi::qga::guest_ping;
use qapi::qmp::query_qmp_schema;

use crate::{Service, connect, repeat};

/// In a task, as in a server.
pub(crate) async fn round_trip(task: &Task) -> Result<Report, Failure> {
    let qemu = connect(task).await?;
    let (warm_up, count) = (task.warm_up()?, task.count()?);
    let measured = async move {
        repeat(&qemu, warm_up).await?;
        let clock = Clock::start();
        repeat(&qemu, count).await?;
        Ok(clock.stop(count))
    };
    tokio::spawn(measured).await?
}

pub(crate) async fn in_flight(task: &Task) -> Result<Report, Failure> {
    let (width, count) = (task.number("width")?, task.count()?);
    let qemu = Arc::new(connect(task).await?);
    let spread = async |count: usize| -> Result<(), Failure> {
        let tasks: Vec<_> = (0..width)
            .map(|_| {
                let qemu = Arc::clone(&qemu);
                tokio::spawn(async move { repeat(&qemu, count / width).await })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok(())
    };
    spread(task.warm_up()?).await?;
    let clock = Clock::start();
    spread(count).await?;
    Ok(clock.stop(count / width * width))
}

async fn several(
    task: &Task,
    once: impl AsyncFn(&Service) -> Result<(), Failure>,
) -> Result<Report, Failure> {
    let qemu = connect(task).await?;
    once(&qemu).await?;
    let clock = Clock::start();
    for _ in 0..task.count()? {
        once(&qemu).await?;
    }
    Ok(clock.stop(task.count()?))
}

pub(crate) async fn schema_value(task: &Task) -> Result<Report, Failure> {
    let once = async |qemu: &Service| {
        check_schema(qemu.execute(Schema {}).await?.as_array().map_or(0, Vec::len))
    };
    several(task, once).await
}

pub(crate) async fn schema_owned(task: &Task) -> Result<Report, Failure> {
    let once = async |qemu: &Service| check_schema(qemu.execute(query_qmp_schema {}).await?.len());
    several(task, once).await
}

pub(crate) async fn string(task: &Task) -> Result<Report, Failure> {
    let size = task.number("size")?;
    let once = async |qemu: &Service| {
        let string = qemu.execute(Text { size }).await?;
        if string.len() == size { Ok(()) } else { Err("another size".into()) }
    };
    several(task, once).await
}

pub(crate) async fn connect_again(task: &Task) -> Result<Report, Failure> {
    for _ in 0..task.warm_up()? {
        connect(task).await?;
    }
    let clock = Clock::start();
    for _ in 0..task.count()? {
        connect(task).await?;
    }
    Ok(clock.stop(task.count()?))
}

pub(crate) async fn agent(task: &Task) -> Result<Report, Failure> {
    let (agent, _reader) = QgaStreamTokio::open_uds(&task.socket).await?.spawn_tokio();
    agent.guest_sync(7).await?;
    let (warm_up, count) = (task.warm_up()?, task.count()?);
    let measured = async move {
        for _ in 0..warm_up {
            agent.execute(guest_ping {}).await?;
        }
        let clock = Clock::start();
        for _ in 0..count {
            agent.execute(guest_ping {}).await?;
        }
        Ok(clock.stop(count))
    };
    tokio::spawn(measured).await?
}
