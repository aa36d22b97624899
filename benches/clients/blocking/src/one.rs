//! Commands on one connection.

use std::collections::VecDeque;

use bench_measure::{
    Check as _, Clock, Failure, GuestPing, QuerySchema, QueryVersion, Report, SchemaInfoRef, Task,
    XString, check_schema,
};
use qmp_blocking::Client;
use serde_json::Value;

use crate::connect;

pub(crate) fn round_trip(task: &Task) -> Result<Report, Failure> {
    let qemu = connect(task)?;
    let repeat = |count| -> Result<(), Failure> {
        for _ in 0..count {
            qemu.call(&QueryVersion::new()).run()?.check()?;
        }
        Ok(())
    };
    repeat(task.warm_up()?)?;
    let clock = Clock::start();
    repeat(task.count()?)?;
    Ok(clock.stop(task.count()?))
}

/// Keeps this number of commands in flight: sends one for each reply, but not before all replies
/// that arrived together are taken.
pub(crate) fn in_flight(task: &Task) -> Result<Report, Failure> {
    let width = task.number("width")?;
    let qemu = connect(task)?;
    let repeat = |count: usize| -> Result<(), Failure> {
        let mut sent = VecDeque::new();
        let mut left = count;
        while left > 0 || !sent.is_empty() {
            while left > 0 && sent.len() < width {
                sent.push_back(qemu.call(&QueryVersion::new()).queue()?);
                left -= 1;
            }
            for sent in sent.drain(..) {
                sent.recv()?.check()?;
            }
        }
        Ok(())
    };
    repeat(task.warm_up()?)?;
    let clock = Clock::start();
    repeat(task.count()?)?;
    Ok(clock.stop(task.count()?))
}

fn schema(
    task: &Task,
    mut once: impl FnMut(&Client) -> Result<usize, Failure>,
) -> Result<Report, Failure> {
    let qemu = connect(task)?;
    let count = task.count()?;
    check_schema(once(&qemu)?)?;
    let clock = Clock::start();
    for _ in 0..count {
        check_schema(once(&qemu)?)?;
    }
    Ok(clock.stop(count))
}

pub(crate) fn schema_value(task: &Task) -> Result<Report, Failure> {
    schema(task, |qemu| {
        let value: Value = qemu.execute("query-qmp-schema").run()?.decode()?;
        Ok(value.as_array().map_or(0, Vec::len))
    })
}

pub(crate) fn schema_owned(task: &Task) -> Result<Report, Failure> {
    schema(task, |qemu| Ok(qemu.call(&QuerySchema).run()?.len()))
}

pub(crate) fn schema_borrowed(task: &Task) -> Result<Report, Failure> {
    schema(task, |qemu| {
        let reply = qemu.execute("query-qmp-schema").run()?;
        let schema: Vec<SchemaInfoRef<'_>> = reply.decode()?;
        Ok(schema.len())
    })
}

/// A string of a given size.
pub(crate) fn string(task: &Task) -> Result<Report, Failure> {
    let qemu = connect(task)?;
    let (size, count) = (task.number("size")?, task.count()?);
    let once = || -> Result<(), Failure> {
        let got = qemu.call(&XString { size }).run()?.len();
        if got == size { Ok(()) } else { Err(format!("{got} bytes of {size}").into()) }
    };
    once()?;
    let clock = Clock::start();
    for _ in 0..count {
        once()?;
    }
    Ok(clock.stop(count))
}

pub(crate) fn connect_again(task: &Task) -> Result<Report, Failure> {
    let repeat = |count| -> Result<(), Failure> {
        for _ in 0..count {
            connect(task)?.version().ok_or("greeted without a version")?;
        }
        Ok(())
    };
    repeat(task.warm_up()?)?;
    let clock = Clock::start();
    repeat(task.count()?)?;
    Ok(clock.stop(task.count()?))
}

pub(crate) fn agent(task: &Task) -> Result<Report, Failure> {
    let agent = qmp_blocking::connect_agent(format!("unix:{}", task.socket))?;
    for _ in 0..task.warm_up()? {
        agent.call(&GuestPing::new()).run()?;
    }
    let clock = Clock::start();
    for _ in 0..task.count()? {
        agent.call(&GuestPing::new()).run()?;
    }
    Ok(clock.stop(task.count()?))
}
