//! Commands on one connection.

use std::sync::Arc;

use bench_measure::{
    Check as _, Clock, Failure, GuestPing, QuerySchema, QueryVersion, Report, SchemaInfoRef, Task,
    XString, check_schema,
};
use qmp_driver::Client;
use serde_json::Value;

use crate::{Host, connect};

async fn repeat(qemu: &Client, count: usize) -> Result<(), Failure> {
    for _ in 0..count {
        qemu.call(&QueryVersion::new()).await?.check()?;
    }
    Ok(())
}

/// In a task, as in a server: running in `block_on` costs an additional check of the sockets.
pub(crate) async fn round_trip(host: &impl Host, task: &Task) -> Result<Report, Failure> {
    let qemu = connect(host, task).await?;
    let (warm_up, count) = (task.warm_up()?, task.count()?);
    host.spawn(async move {
        repeat(&qemu, warm_up).await?;
        let clock = Clock::start();
        repeat(&qemu, count).await?;
        Ok(clock.stop(count))
    })
    .await
}

/// This number of tasks, each with one command in flight.
pub(crate) async fn in_flight(host: &impl Host, task: &Task) -> Result<Report, Failure> {
    let (width, count) = (task.number("width")?, task.count()?);
    let qemu = connect(host, task).await?;
    let spread = async |count: usize| -> Result<(), Failure> {
        let tasks: Vec<_> = (0..width)
            .map(|_| {
                let qemu = qemu.clone();
                host.spawn(async move { repeat(&qemu, count / width).await })
            })
            .collect();
        for task in tasks {
            task.await?;
        }
        Ok(())
    };
    spread(task.warm_up()?).await?;
    let clock = Clock::start();
    spread(count).await?;
    Ok(clock.stop(count / width * width))
}

async fn schema(
    host: &impl Host,
    task: &Task,
    once: impl AsyncFn(&Client) -> Result<usize, Failure>,
) -> Result<Report, Failure> {
    let qemu = connect(host, task).await?;
    let count = task.count()?;
    check_schema(once(&qemu).await?)?;
    let clock = Clock::start();
    for _ in 0..count {
        check_schema(once(&qemu).await?)?;
    }
    Ok(clock.stop(count))
}

pub(crate) async fn schema_value(host: &impl Host, task: &Task) -> Result<Report, Failure> {
    let once = async |qemu: &Client| {
        let value: Value = qemu.execute("query-qmp-schema").await?.decode()?;
        Ok(value.as_array().map_or(0, Vec::len))
    };
    schema(host, task, once).await
}

pub(crate) async fn schema_owned(host: &impl Host, task: &Task) -> Result<Report, Failure> {
    schema(host, task, async |qemu: &Client| Ok(qemu.call(&QuerySchema).await?.len())).await
}

pub(crate) async fn schema_borrowed(host: &impl Host, task: &Task) -> Result<Report, Failure> {
    let once = async |qemu: &Client| {
        let reply = qemu.execute("query-qmp-schema").await?;
        let schema: Vec<SchemaInfoRef<'_>> = reply.decode()?;
        Ok(schema.len())
    };
    schema(host, task, once).await
}

/// A string of a given size.
pub(crate) async fn string(host: &impl Host, task: &Task) -> Result<Report, Failure> {
    let qemu = connect(host, task).await?;
    let (size, count) = (task.number("size")?, task.count()?);
    let once = async || -> Result<(), Failure> {
        let got = qemu.call(&XString { size }).await?.len();
        if got == size { Ok(()) } else { Err(format!("{got} bytes of {size}").into()) }
    };
    once().await?;
    let clock = Clock::start();
    for _ in 0..count {
        once().await?;
    }
    Ok(clock.stop(count))
}

pub(crate) async fn connect_again(host: &impl Host, task: &Arc<Task>) -> Result<Report, Failure> {
    let (from, task) = (host.clone(), Arc::clone(task));
    host.spawn(async move {
        let repeat = async |count| -> Result<(), Failure> {
            for _ in 0..count {
                connect(&from, &task).await?.version().ok_or("greeted without a version")?;
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

pub(crate) async fn agent(host: &impl Host, task: &Task) -> Result<Report, Failure> {
    let agent = host.connect(format!("unix:{}", task.socket), true).await?;
    let (warm_up, count) = (task.warm_up()?, task.count()?);
    host.spawn(async move {
        for _ in 0..warm_up {
            agent.call(&GuestPing::new()).await?;
        }
        let clock = Clock::start();
        for _ in 0..count {
            agent.call(&GuestPing::new()).await?;
        }
        Ok(clock.stop(count))
    })
    .await
}
