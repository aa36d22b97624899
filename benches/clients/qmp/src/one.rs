//! Commands on one connection.

use bench_measure::{
    COMMAND, Clock, Failure, Report, SchemaInfo, Task, Version, XString, check_schema,
};
use qmp::Client;
use serde_json::Value;

use crate::connect;

const NONE: Option<()> = None;

pub(crate) async fn repeat(qemu: &Client, count: usize) -> Result<(), Failure> {
    for _ in 0..count {
        qemu.execute::<_, Version>(COMMAND, NONE).await?.check()?;
    }
    Ok(())
}

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
    let qemu = connect(task).await?;
    let spread = async |count: usize| -> Result<(), Failure> {
        let tasks: Vec<_> = (0..width)
            .map(|_| {
                let qemu = qemu.clone();
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

async fn schema(
    task: &Task,
    once: impl AsyncFn(&Client) -> Result<usize, Failure>,
) -> Result<Report, Failure> {
    let qemu = connect(task).await?;
    check_schema(once(&qemu).await?)?;
    let clock = Clock::start();
    for _ in 0..task.count()? {
        check_schema(once(&qemu).await?)?;
    }
    Ok(clock.stop(task.count()?))
}

pub(crate) async fn schema_value(task: &Task) -> Result<Report, Failure> {
    let once = async |qemu: &Client| {
        let value: Value = qemu.execute("query-qmp-schema", NONE).await?;
        Ok(value.as_array().map_or(0, Vec::len))
    };
    schema(task, once).await
}

pub(crate) async fn schema_owned(task: &Task) -> Result<Report, Failure> {
    let once = async |qemu: &Client| {
        let schema: Vec<SchemaInfo> = qemu.execute("query-qmp-schema", NONE).await?;
        Ok(schema.len())
    };
    schema(task, once).await
}

pub(crate) async fn string(task: &Task) -> Result<Report, Failure> {
    let qemu = connect(task).await?;
    let size = task.number("size")?;
    let once = async || -> Result<(), Failure> {
        let string: String = qemu.execute("x-string", Some(XString { size })).await?;
        if string.len() == size { Ok(()) } else { Err("another size".into()) }
    };
    once().await?;
    let clock = Clock::start();
    for _ in 0..task.count()? {
        once().await?;
    }
    Ok(clock.stop(task.count()?))
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
