//! The events of a flood, counted and typed.

#[cfg(feature = "qmp")]
use qmp_types::events::Any;
use serde::Deserialize;

use crate::{Clock, Failure, Report};

/// The events in rotation, and the last one.
const NAMES: [&str; 7] = [
    "STOP",
    "JOB_STATUS_CHANGE",
    "BALLOON_CHANGE",
    "DEVICE_DELETED",
    "BLOCK_JOB_READY",
    "BLOCK_JOB_COMPLETED",
    "SHUTDOWN",
];

/// Counts events by kind, and lost events.
#[derive(Debug, Default)]
pub struct Tally {
    kinds: [usize; NAMES.len()],
    lost: usize,
    sum: u64,
}

impl Tally {
    /// Counts an event of this name; returns whether it was the last.
    pub fn count(&mut self, name: &str) -> Result<bool, Failure> {
        let kind = NAMES.iter().position(|known| *known == name);
        let kind = kind.ok_or_else(|| format!("an event {name}?"))?;
        self.kinds[kind] += 1;
        Ok(kind == NAMES.len() - 1)
    }

    /// Counts events that are reported as lost.
    pub fn lose(&mut self, count: usize) {
        self.lost += count;
    }

    /// Adds a part of an event's data, so that it is really decoded.
    pub fn add(&mut self, something: u64) {
        self.sum = self.sum.wrapping_add(something);
    }

    /// Returns the number of events reported as lost.
    pub fn lost(&self) -> usize {
        self.lost
    }

    /// Checks that each of this number of events before the last was received or reported as lost.
    pub fn check(&self, sent: usize) -> Result<(), Failure> {
        let kinds = &self.kinds[..NAMES.len() - 1];
        let seen: usize = kinds.iter().sum();
        if seen + self.lost != sent {
            return Err(format!("of {sent} events {seen} came, {} were lost", self.lost).into());
        }
        let even = |count: &usize| count.abs_diff(sent / kinds.len()) <= 1;
        if self.lost == 0 && !kinds.iter().all(even) {
            return Err(format!("events came in wrong numbers: {:?}", self.kinds).into());
        }
        std::hint::black_box(self.sum);
        Ok(())
    }

    /// Returns the cost per event, after all checks.
    pub fn finish(self, clock: Clock, sent: usize) -> Result<Report, Failure> {
        let report = clock.stop(sent).with("lost", self.lost as f64);
        self.check(sent)?;
        Ok(report)
    }
}

/// The data of all kinds of events.
#[derive(Debug)]
pub enum Data {
    Stop,
    JobStatusChange(JobStatusChange),
    BalloonChange(BalloonChange),
    DeviceDeleted(DeviceDeleted),
    BlockJob(BlockJob),
    Shutdown(Shutdown),
}

#[derive(Debug, Deserialize)]
pub struct JobStatusChange {
    pub id: String,
    pub status: JobStatus,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobStatus {
    Created,
    Running,
    Ready,
    Concluded,
    Null,
}

#[derive(Debug, Deserialize)]
pub struct BalloonChange {
    pub actual: u64,
}

#[derive(Debug, Deserialize)]
pub struct DeviceDeleted {
    pub device: Option<String>,
    pub path: String,
}

#[derive(Debug, Deserialize)]
pub struct BlockJob {
    pub device: String,
    pub len: u64,
    pub offset: u64,
    pub speed: u64,
    #[serde(rename = "type")]
    pub kind: JobKind,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobKind {
    Commit,
    Stream,
    Mirror,
    Backup,
}

#[derive(Debug, Deserialize)]
pub struct Shutdown {
    pub guest: bool,
    pub reason: String,
}

impl Data {
    /// Returns a part of the data.
    pub fn sum(&self) -> u64 {
        match self {
            Self::Stop => 1,
            Self::JobStatusChange(data) => data.id.len() as u64,
            Self::BalloonChange(data) => data.actual,
            Self::DeviceDeleted(data) => data.path.len() as u64,
            Self::BlockJob(data) => data.offset,
            Self::Shutdown(data) => u64::from(data.guest),
        }
    }

    /// Decodes it from a parsed value.
    pub fn from_value(name: &str, value: serde_json::Value) -> Result<Self, Failure> {
        use serde_json::from_value;
        Ok(match name {
            "STOP" => Self::Stop,
            "JOB_STATUS_CHANGE" => Self::JobStatusChange(from_value(value)?),
            "BALLOON_CHANGE" => Self::BalloonChange(from_value(value)?),
            "DEVICE_DELETED" => Self::DeviceDeleted(from_value(value)?),
            "BLOCK_JOB_READY" | "BLOCK_JOB_COMPLETED" => Self::BlockJob(from_value(value)?),
            "SHUTDOWN" => Self::Shutdown(from_value(value)?),
            other => return Err(format!("an event {other}?").into()),
        })
    }
}

/// An event of our library, borrowed or owned.
#[cfg(feature = "qmp")]
pub trait Decode {
    fn any(&self) -> Option<Result<Any, qmp_proto::DecodeError>>;
}

#[cfg(feature = "qmp")]
impl Decode for qmp_proto::Event<'_> {
    fn any(&self) -> Option<Result<Any, qmp_proto::DecodeError>> {
        self.typed()
    }
}

#[cfg(feature = "qmp")]
impl Decode for qmp_proto::OwnedEvent {
    fn any(&self) -> Option<Result<Any, qmp_proto::DecodeError>> {
        self.typed()
    }
}

/// A part of an event, decoded as one of all known events, as `qapi` does.
#[cfg(feature = "qmp")]
pub fn typed(event: &impl Decode) -> Result<u64, Failure> {
    Ok(match event.any().ok_or("no event is outside of all")?? {
        Any::Stop(_) => 1,
        Any::JobStatusChange(data) => data.id.len() as u64,
        Any::BalloonChange(data) => data.actual as u64,
        Any::DeviceDeleted(data) => data.path.len() as u64,
        Any::BlockJobReady(data) => data.offset as u64,
        Any::BlockJobCompleted(data) => data.offset as u64,
        Any::Shutdown(data) => u64::from(data.guest),
        other => return Err(format!("an event {}?", other.name()).into()),
    })
}
