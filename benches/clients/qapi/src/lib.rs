//! The crate `qapi`: commands that it does not include, and its events.

use bench_measure::{Failure, Tally};
use qapi::qmp::Event;
use qapi::{Any, Command};
use serde::Serialize;

/// `query-qmp-schema` with a value as its reply.
#[derive(Debug, Serialize)]
pub struct Schema {}

impl Command for Schema {
    type Ok = Any;
    const NAME: &'static str = "query-qmp-schema";
    const ALLOW_OOB: bool = false;
}

impl qapi::qmp::QmpCommand for Schema {}

/// The fake server's flood of events.
#[derive(Debug, Serialize)]
pub struct Flood {
    pub count: usize,
}

impl Command for Flood {
    type Ok = qapi::Empty;
    const NAME: &'static str = "x-events";
    const ALLOW_OOB: bool = false;
}

impl qapi::qmp::QmpCommand for Flood {}

/// The fake server's string.
#[derive(Debug, Serialize)]
pub struct Text {
    pub size: usize,
}

impl Command for Text {
    type Ok = String;
    const NAME: &'static str = "x-string";
    const ALLOW_OOB: bool = false;
}

impl qapi::qmp::QmpCommand for Text {}

/// Counts an event; returns whether it was the last.
pub fn count(tally: &mut Tally, event: &Event) -> Result<bool, Failure> {
    let (name, sum) = match event {
        Event::STOP { .. } => ("STOP", 1),
        Event::JOB_STATUS_CHANGE { data, .. } => ("JOB_STATUS_CHANGE", data.id.len() as u64),
        Event::BALLOON_CHANGE { data, .. } => ("BALLOON_CHANGE", data.actual as u64),
        Event::DEVICE_DELETED { data, .. } => ("DEVICE_DELETED", data.path.len() as u64),
        Event::BLOCK_JOB_READY { data, .. } => ("BLOCK_JOB_READY", data.offset as u64),
        Event::BLOCK_JOB_COMPLETED { data, .. } => ("BLOCK_JOB_COMPLETED", data.offset as u64),
        Event::SHUTDOWN { data, .. } => ("SHUTDOWN", u64::from(data.guest)),
        other => return Err(format!("an event {other:?}?").into()),
    };
    tally.add(sum);
    tally.count(name)
}
