//! qmp-proto alone with a loop of its own: the cost of the core without an adapter.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use bench_measure::{Check as _, Clock, Failure, Report, Tally, Task, VersionInfo, typed};
use qmp_proto::{Client, Options, Output, OwnedArguments, Received, Request};
use serde_json::json;

/// The size of a read.
const ROOM: usize = 64 << 10;

fn main() -> Result<(), Failure> {
    let task = Task::from_arguments()?;
    let report = match task.workload.as_str() {
        "round-trip" => round_trip(&task),
        "events" => {
            events(&task, |event| Ok(event.timestamp().map_or(0, |it| it.microseconds as u64)))
        }
        "events-typed" => events(&task, |event| {
            let part = typed(event)?;
            Ok(part)
        }),
        "chunks" => chunks(&task),
        _ => Err(task.unknown()),
    }?;
    report.print();
    Ok(())
}

struct Qemu {
    stream: UnixStream,
    client: Client<()>,
    output: Output,
    input: Vec<u8>,
    start: usize,
    end: usize,
}

impl Qemu {
    fn connect(task: &Task) -> Result<Self, Failure> {
        let stream = UnixStream::connect(&task.socket)?;
        let client = Client::monitor(Options::monitor());
        let input = vec![0; ROOM];
        let mut qemu = Self { stream, client, output: Output::new(), input, start: 0, end: 0 };
        let mut ready = false;
        while !ready {
            qemu.read(|client, output, received| {
                match received {
                    Received::Greeting(_) => client.negotiate(output, 7, &[])?,
                    Received::Ready => ready = true,
                    other => return Err(format!("{other:?}").into()),
                }
                Ok(())
            })?;
            qemu.flush()?;
        }
        Ok(qemu)
    }

    /// Reads once, and handles the input.
    fn read(
        &mut self,
        mut take: impl FnMut(&mut Client<()>, &mut Output, Received<'_, ()>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.start > 0 {
            self.input.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let count = self.stream.read(&mut self.input[self.end..])?;
        if count == 0 {
            return Err("the server has gone".into());
        }
        self.end += count;
        loop {
            let step = self.client.handle_input(&self.input[self.start..self.end])?;
            self.start += step.used;
            match step.received {
                Some(received) => take(&mut self.client, &mut self.output, received)?,
                None => return Ok(()),
            }
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        while let Some(outgoing) = self.output.chunk() {
            let count = self.stream.write(outgoing.bytes)?;
            self.output.advance(count);
        }
        Ok(())
    }
}

fn round_trip(task: &Task) -> Result<Report, Failure> {
    let mut qemu = Qemu::connect(task)?;
    let mut repeat = |count| -> Result<(), Failure> {
        for _ in 0..count {
            let request = Request::new(bench_measure::COMMAND);
            qemu.client.execute(&mut qemu.output, request, ()).map_err(|it| it.reason)?;
            qemu.flush()?;
            let mut answered = false;
            while !answered {
                qemu.read(|_, _, received| {
                    let Received::Reply(answer) = received else { return Ok(()) };
                    let reply = answer.outcome.map_err(|failure| failure.to_string())?;
                    answered = true;
                    reply.decode::<VersionInfo>()?.check()
                })?;
            }
        }
        Ok(())
    };
    repeat(task.warm_up()?)?;
    let clock = Clock::start();
    repeat(task.count()?)?;
    Ok(clock.stop(task.count()?))
}

fn events(
    task: &Task,
    take: impl Fn(&qmp_proto::Event<'_>) -> Result<u64, Failure>,
) -> Result<Report, Failure> {
    let mut qemu = Qemu::connect(task)?;
    let count = task.count()?;
    let mut tally = Tally::default();
    let clock = Clock::start();
    let arguments = OwnedArguments::serialize(&json!({"count": count}))?;
    let request = Request::new("x-events").arguments(arguments.as_arguments());
    qemu.client.execute(&mut qemu.output, request, ()).map_err(|it| it.reason)?;
    qemu.flush()?;
    let mut done = false;
    while !done {
        qemu.read(|_, _, received| {
            let Received::Event(event) = received else { return Ok(()) };
            tally.add(take(&event)?);
            done |= tally.count(event.name())?;
            Ok(())
        })?;
    }
    tally.finish(clock, count)
}

/// A large reply that arrives in pieces of a given size; no socket.
fn chunks(task: &Task) -> Result<Report, Failure> {
    let (chunk, count) = (task.number("chunk")?, task.count()?);
    let mut client: Client<()> = Client::negotiated(Options::monitor(), 0);
    let mut output: Output = Output::new();
    let mut message = format!("{{\"return\": {}, \"id\": ", bench_messages::schema()).into_bytes();
    let before_id = message.len();
    let clock = Clock::start();
    for _ in 0..count {
        let request = Request::new("query-qmp-schema");
        client.execute(&mut output, request, ()).map_err(|it| it.reason)?;
        let command = output.chunk().map_or(&[][..], |outgoing| outgoing.bytes);
        message.truncate(before_id);
        message.extend(command.rsplit(|byte| *byte == b':').next().unwrap_or_default());
        message.extend(b"\r\n");
        output.advance(usize::MAX);
        let (mut start, mut end, mut answered) = (0, 0, false);
        while end < message.len() {
            end = (end + chunk).min(message.len());
            loop {
                let step = client.handle_input(&message[start..end])?;
                start += step.used;
                match step.received {
                    Some(Received::Reply(answer)) => answered = answer.outcome.is_ok(),
                    Some(_) => {}
                    None => break,
                }
            }
        }
        if !answered {
            return Err("the reply was not understood".into());
        }
    }
    Ok(clock.stop(count))
}
