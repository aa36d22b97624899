//! The workloads.

mod commands;
mod connections;
mod core;
mod events;
mod real;
mod scaling;

use crate::cores::Cores;
use crate::options::Options;
use crate::server::Kind;

/// A task for clients, and the figures of interest.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// The name that the client programs use.
    pub(crate) task: &'static str,
    pub(crate) server: Kind,
    pub(crate) cores: Cores,
    pub(crate) clients: Vec<&'static str>,
    /// The sizes, or one.
    pub(crate) points: Vec<Point>,
    pub(crate) columns: &'static [Column],
    /// Memory and bytes are the same each time.
    pub(crate) most_rounds: usize,
}

impl Workload {
    /// Returns the title, and the cores that are used.
    pub(crate) fn heading(&self) -> String {
        let cores = match self.cores {
            _ if self.server == Kind::None => "",
            Cores::One => "; client and server on one core",
            Cores::All if self.name.ends_with(ON_ALL) => "; on all cores",
            Cores::All => "",
        };
        format!("{}{cores}", self.title)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// The position on the plot's axis; 0 if there is no plot.
    pub(crate) at: usize,
    pub(crate) numbers: Vec<(&'static str, usize)>,
}

/// A figure of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) figure: &'static str,
    pub(crate) heading: &'static str,
    pub(crate) unit: Unit,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    Nanoseconds,
    Bytes,
    Number,
}

const CPU: Column = Column { figure: "cpu_ns", heading: "CPU", unit: Unit::Nanoseconds };
const WALL: Column = Column { figure: "wall_ns", heading: "wall", unit: Unit::Nanoseconds };
const LOST: Column = Column { figure: "lost", heading: "lost", unit: Unit::Number };
const TIMES: &[Column] = &[CPU, WALL];
const EVENTS: &[Column] = &[CPU, WALL, LOST];
const PROCESS: &[Column] = &[
    Column { figure: "process_cpu_ns", heading: "CPU", unit: Unit::Nanoseconds },
    Column { figure: "process_wall_ns", heading: "wall", unit: Unit::Nanoseconds },
];
const MEMORY: &[Column] = &[
    Column { figure: "idle_bytes", heading: "each", unit: Unit::Bytes },
    Column { figure: "after_large_bytes", heading: "each, after a large reply", unit: Unit::Bytes },
    Column { figure: "cpu_ns", heading: "CPU to connect", unit: Unit::Nanoseconds },
];
const BYTES: &[Column] =
    &[Column { figure: "bytes", heading: "bytes a command", unit: Unit::Number }];

const OURS: [&str; 5] = ["blocking", "tokio", "tokio-multi", "smol", "smol-one"];
const QAPI: [&str; 3] = ["qapi", "qapi-tokio", "qapi-tokio-multi"];
const QMP: [&str; 2] = ["qmp", "qmp-multi"];
const OTHERS: [&str; 2] = ["qemu.qmp", "go-qemu"];
const FLOORS: [&str; 4] = ["floor-blocking", "floor-tokio", "floor-tokio-multi", "floor-smol"];
/// The multi-threaded clients, which need more than one core.
const SEVERAL_THREADS: [&str; 5] =
    ["tokio-multi", "smol", "qapi-tokio-multi", "qmp-multi", "floor-tokio-multi"];

/// Returns the workloads to run.
pub(crate) fn workloads(options: &Options) -> Vec<Workload> {
    let mut all = core::workloads(options);
    all.extend(commands::workloads(options));
    all.extend(events::workloads(options));
    all.extend(connections::workloads(options));
    all.extend(real::workloads(options));
    all.extend(scaling::workloads(options));
    // A quick run has no time for both.
    all.retain(|workload| match &options.only {
        Some(_) => options.wants(workload.name),
        None => !options.quick || !workload.name.ends_with(ON_ALL),
    });
    for workload in &mut all {
        workload.clients.retain(|client| options.wants_client(client));
    }
    all.retain(|workload| !workload.clients.is_empty());
    all
}

fn join(groups: &[&[&'static str]]) -> Vec<&'static str> {
    groups.concat()
}

/// The suffix of the second name.
const ON_ALL: &str = "-on-all-cores";

/// Runs single-threaded clients on one core, and all clients on all cores.
fn on_both(name_on_all: &'static str, workload: Workload) -> [Workload; 2] {
    let clients = of_one_thread(workload.clients.clone());
    let one = Workload { cores: Cores::One, clients, ..workload.clone() };
    [one, Workload { name: name_on_all, cores: Cores::All, ..workload }]
}

fn of_one_thread(mut clients: Vec<&'static str>) -> Vec<&'static str> {
    clients.retain(|client| !SEVERAL_THREADS.contains(client));
    clients
}

fn one(numbers: &[(&'static str, usize)]) -> Vec<Point> {
    vec![Point { at: 0, numbers: numbers.to_vec() }]
}

/// The number of repetitions: fewer in a quick run.
fn often(options: &Options, count: usize) -> usize {
    if options.quick { count / 5 } else { count }
}
