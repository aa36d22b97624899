//! What the client programs of the benchmarks share: the task, the clock, the types.
//!
//! A client program does one workload a run, `PROGRAM WORKLOAD SOCKET [NAME=NUMBER]...`, checks every
//! answer, and prints one line of JSON: what was measured.

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
pub use version::{GuestPing, Numbers, QuerySchema, QueryVersion, Version, XString};

/// Whatever goes wrong ends the run.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a round trip is measured with.
pub const COMMAND: &str = "query-version";
