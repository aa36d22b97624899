//! The crate `qapi` without a runtime, as created by its own constructor.

mod upload;

use std::io::BufReader;
use std::os::unix::net::UnixStream;

use bench_measure::{Clock, Failure, Report, Tally, Task, check_schema, resident};
use bench_qapi::{Flood, Schema, Text, count};
use qapi::qmp::{query_qmp_schema, query_version};
use qapi::{Qga, Qmp, Stream};

type Qemu<'s> = Qmp<Stream<BufReader<&'s UnixStream>, &'s UnixStream>>;

fn main() -> Result<(), Failure> {
    let task = Task::from_arguments()?;
    let report = match task.workload.as_str() {
        "round-trip" => round_trip(&task),
        "in-flight" => in_flight(&task),
        "schema-value" => repeat(&task, |qemu| schema_value(qemu)),
        "schema-owned" => {
            repeat(&task, |qemu| check_schema(qemu.execute(&query_qmp_schema {})?.len()))
        }
        "string" => string(&task),
        "connect" => connect_again(&task),
        "agent" => agent(&task),
        "events-typed" => events(&task),
        "idle" => idle(&task),
        "busy" => busy(&task),
        "upload" => upload::upload(&task),
        _ => Err(task.unknown()),
    }?;
    report.print();
    Ok(())
}

fn connect(stream: &UnixStream) -> Result<Qemu<'_>, Failure> {
    let mut qemu = Qmp::from_stream(stream);
    qemu.handshake()?;
    Ok(qemu)
}

fn repeat(
    task: &Task,
    mut once: impl FnMut(&mut Qemu<'_>) -> Result<(), Failure>,
) -> Result<Report, Failure> {
    let stream = UnixStream::connect(&task.socket)?;
    let mut qemu = connect(&stream)?;
    once(&mut qemu)?;
    let clock = Clock::start();
    for _ in 0..task.count()? {
        once(&mut qemu)?;
    }
    Ok(clock.stop(task.count()?))
}

fn ask_version(qemu: &mut Qemu<'_>) -> Result<(), Failure> {
    check_version(&qemu.execute(&query_version {})?)
}

fn check_version(version: &qapi::qmp::VersionInfo) -> Result<(), Failure> {
    if version.qemu.major < 2 { Err("this is no version of QEMU".into()) } else { Ok(()) }
}

fn round_trip(task: &Task) -> Result<Report, Failure> {
    let stream = UnixStream::connect(&task.socket)?;
    let mut qemu = connect(&stream)?;
    for _ in 0..task.warm_up()? {
        ask_version(&mut qemu)?;
    }
    let clock = Clock::start();
    for _ in 0..task.count()? {
        ask_version(&mut qemu)?;
    }
    Ok(clock.stop(task.count()?))
}

/// By hand, because it has no call for this, but separate calls for writing and reading.
fn in_flight(task: &Task) -> Result<Report, Failure> {
    let (width, count) = (task.number("width")?, task.count()?);
    let stream = UnixStream::connect(&task.socket)?;
    let mut qemu = connect(&stream)?;
    let mut repeat = |rounds| -> Result<(), Failure> {
        for _ in 0..rounds {
            for _ in 0..width {
                qemu.write_command(&query_version {})?;
            }
            for _ in 0..width {
                check_version(&qemu.read_response::<query_version>()?)?;
            }
        }
        Ok(())
    };
    repeat(1)?;
    let clock = Clock::start();
    repeat(count / width)?;
    Ok(clock.stop(count / width * width))
}

fn schema_value(qemu: &mut Qemu<'_>) -> Result<(), Failure> {
    check_schema(qemu.execute(&Schema {})?.as_array().map_or(0, Vec::len))
}

fn string(task: &Task) -> Result<Report, Failure> {
    let size = task.number("size")?;
    repeat(task, |qemu| {
        let string = qemu.execute(&Text { size })?;
        if string.len() == size { Ok(()) } else { Err("another size".into()) }
    })
}

fn connect_again(task: &Task) -> Result<Report, Failure> {
    let repeat = |count| -> Result<(), Failure> {
        for _ in 0..count {
            connect(&UnixStream::connect(&task.socket)?)?;
        }
        Ok(())
    };
    repeat(task.warm_up()?)?;
    let clock = Clock::start();
    repeat(task.count()?)?;
    Ok(clock.stop(task.count()?))
}

fn agent(task: &Task) -> Result<Report, Failure> {
    let stream = UnixStream::connect(&task.socket)?;
    let mut agent = Qga::from_stream(&stream);
    agent.guest_sync(7)?;
    for _ in 0..task.warm_up()? {
        agent.execute(&qapi::qga::guest_ping {})?;
    }
    let clock = Clock::start();
    for _ in 0..task.count()? {
        agent.execute(&qapi::qga::guest_ping {})?;
    }
    Ok(clock.stop(task.count()?))
}

/// Events are only read together with a reply.
fn events(task: &Task) -> Result<Report, Failure> {
    let stream = UnixStream::connect(&task.socket)?;
    let mut qemu = connect(&stream)?;
    let sent = task.count()?;
    let mut tally = Tally::default();
    let clock = Clock::start();
    qemu.execute(&Flood { count: sent })?;
    qemu.nop()?;
    let mut done = false;
    for event in qemu.events() {
        done = count(&mut tally, &event)?;
    }
    if !done {
        return Err("the last event did not come".into());
    }
    tally.finish(clock, sent)
}

fn idle(task: &Task) -> Result<Report, Failure> {
    let count = task.number("connections")?;
    connect(&UnixStream::connect(&task.socket)?)?;
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        streams.push(UnixStream::connect(&task.socket)?);
    }
    let before = resident()?;
    let clock = Clock::start();
    let mut connections = Vec::with_capacity(count);
    for stream in &streams {
        connections.push(connect(stream)?);
    }
    let report = clock.stop(count);
    let idle = resident()?;
    for qemu in &mut connections {
        schema_value(qemu)?;
    }
    let after = resident()?;
    let each = |bytes: f64| (bytes - before) / count as f64;
    Ok(report.with("idle_bytes", each(idle)).with("after_large_bytes", each(after)))
}

fn busy(task: &Task) -> Result<Report, Failure> {
    let (count, rounds) = (task.number("connections")?, task.number("rounds")?);
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        streams.push(UnixStream::connect(&task.socket)?);
    }
    let mut connections = streams.iter().map(connect).collect::<Result<Vec<_>, _>>()?;
    let mut repeat = |rounds| -> Result<(), Failure> {
        for _ in 0..rounds {
            for qemu in &mut connections {
                qemu.write_command(&query_version {})?;
            }
            for qemu in &mut connections {
                check_version(&qemu.read_response::<query_version>()?)?;
            }
        }
        Ok(())
    };
    repeat(1)?;
    let clock = Clock::start();
    repeat(rounds)?;
    Ok(clock.stop(count * rounds))
}
