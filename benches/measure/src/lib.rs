//! Code shared by the client programs of the benchmarks: the task, the clock, the types.
//!
//! A client program runs one workload, `PROGRAM WORKLOAD SOCKET [NAME=NUMBER]...`, checks every
//! reply, and prints the measurements as one line of JSON.

mod clock;
mod events;
mod memory;
mod report;
mod schema;
mod task;
mod version;

pub use clock::Clock;
#[cfg(feature = "qmp")]
pub use events::typed;
pub use events::{Data, Tally};
pub use memory::resident;
pub use report::Report;
pub use schema::{Member, MemberRef, SchemaInfo, SchemaInfoRef, check_schema};
pub use task::Task;
#[cfg(feature = "qmp")]
pub use version::Check;
pub use version::{Numbers, QuerySchema, Version, XString};

#[cfg(feature = "qmp")]
pub use qmp_types::{QueryVersion, VersionInfo, qga::GuestPing};

/// Any error ends the run.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The command of the round trips.
pub const COMMAND: &str = "query-version";
