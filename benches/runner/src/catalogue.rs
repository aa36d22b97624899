//! The workloads.

use crate::options::Options;
use crate::server::Kind;

/// Something that clients are made to do, and what is looked at.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What the client programs call it.
    pub(crate) task: &'static str,
    pub(crate) server: Kind,
    pub(crate) clients: Vec<&'static str>,
    /// The same for several sizes, or one.
    pub(crate) points: Vec<Point>,
    pub(crate) columns: &'static [Column],
    /// Memory and bytes are the same each time.
    pub(crate) most_rounds: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// What is on the plot's axis; 0 if there is no plot.
    pub(crate) at: usize,
    pub(crate) numbers: Vec<(&'static str, usize)>,
}

/// One of the figures that a run gives.
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

/// What is to be run.
pub(crate) fn workloads(options: &Options) -> Vec<Workload> {
    let mut all = core(options);
    all.extend(commands(options));
    all.extend(events(options));
    all.extend(connections(options));
    all.extend(real(options));
    all.extend(scaling(options));
    all.retain(|workload| options.wants(workload.name));
    for workload in &mut all {
        workload.clients.retain(|client| options.wants_client(client));
    }
    all.retain(|workload| !workload.clients.is_empty());
    all
}

fn join(groups: &[&[&'static str]]) -> Vec<&'static str> {
    groups.concat()
}

fn one(numbers: &[(&'static str, usize)]) -> Vec<Point> {
    vec![Point { at: 0, numbers: numbers.to_vec() }]
}

/// How often: less in a quick run.
fn often(options: &Options, count: usize) -> usize {
    if options.quick { count / 5 } else { count }
}

/// In memory; `× floor` is there against what each is held against.
fn core(options: &Options) -> Vec<Workload> {
    let paths = |name, title, clients: &[&'static str], count| Workload {
        name,
        title,
        task: "core",
        server: Kind::None,
        clients: clients.to_vec(),
        points: one(&[("count", often(options, count))]),
        columns: &[CPU],
        most_rounds: 7,
    };
    vec![
        paths(
            "core-short",
            "The core by itself, short messages",
            &[
                "route-event",
                "command-and-answer",
                "split-event",
                "raw-value-event",
                "byte-loop-event",
            ],
            500_000,
        ),
        paths(
            "core-large",
            "The core by itself, a reply of 207 kB",
            &[
                "route-reply-207k",
                "split-reply-207k",
                "newline-207k",
                "raw-value-207k",
                "byte-loop-207k",
            ],
            1_000,
        ),
    ]
}

fn commands(options: &Options) -> Vec<Workload> {
    let everybody = || join(&[&OURS, &["proto"], &QAPI, &QMP, &OTHERS, &FLOORS]);
    let rust = || join(&[&OURS, &QAPI, &QMP, &FLOORS]);
    let count = |count| one(&[("count", often(options, count))]);
    let schemas = |name, title, clients| Workload {
        name,
        title,
        task: name,
        server: Kind::Fake,
        clients,
        points: count(200),
        columns: TIMES,
        most_rounds: 7,
    };
    vec![
        Workload {
            name: "round-trip",
            title: "One command after another (`query-version`, typed)",
            task: "round-trip",
            server: Kind::Fake,
            clients: everybody(),
            points: count(20_000),
            columns: TIMES,
            most_rounds: 7,
        },
        Workload {
            name: "in-flight",
            title: "32 commands in flight (`query-version`, typed)",
            task: "in-flight",
            server: Kind::Fake,
            clients: join(&[&OURS, &QAPI, &QMP, &["qemu.qmp"], &FLOORS]),
            points: one(&[("count", often(options, 100_000)), ("width", 32)]),
            columns: TIMES,
            most_rounds: 7,
        },
        schemas(
            "schema-value",
            "A reply of 207 kB (`query-qmp-schema`) to a `Value`",
            join(&[&OURS, &QAPI, &QMP, &["qemu.qmp"], &FLOORS]),
        ),
        schemas("schema-owned", "The same to a type that owns its strings", rust()),
        schemas(
            "schema-borrowed",
            "The same to a type that borrows its strings (ours only)",
            join(&[&OURS, &FLOORS]),
        ),
        Workload {
            name: "bytes",
            title: "Bytes on the wire for one `query-version`",
            task: "round-trip",
            server: Kind::Fake,
            clients: join(&[&["blocking", "tokio", "qapi", "qapi-tokio", "qmp"], &OTHERS]),
            points: one(&[("count", 100)]),
            columns: BYTES,
            most_rounds: 1,
        },
    ]
}

fn events(options: &Options) -> Vec<Workload> {
    let flood = |name, title, clients| Workload {
        name,
        title,
        task: name,
        server: Kind::Fake,
        clients,
        points: one(&[("count", often(options, 300_000))]),
        columns: EVENTS,
        most_rounds: 7,
    };
    vec![
        flood(
            "events",
            "A flood of 300,000 events of six kinds: names and times; data left as text",
            join(&[&OURS, &["proto"], &FLOORS]),
        ),
        flood(
            "events-value",
            "The same, data to a `Value`",
            join(&[&OURS, &QMP, &OTHERS, &FLOORS]),
        ),
        flood(
            "events-typed",
            "The same, data to a type for each kind",
            join(&[&OURS, &["proto"], &QAPI, &QMP, &FLOORS]),
        ),
    ]
}

fn connections(options: &Options) -> Vec<Workload> {
    let rust = || join(&[&OURS, &QAPI, &QMP, &FLOORS]);
    vec![
        Workload {
            name: "connect",
            title: "Connect, negotiate, close",
            task: "connect",
            server: Kind::Fake,
            clients: join(&[&OURS, &QAPI, &QMP, &OTHERS, &FLOORS]),
            points: one(&[("count", often(options, 3_000))]),
            columns: TIMES,
            most_rounds: 7,
        },
        Workload {
            name: "idle",
            title: "Memory of 10,000 idle connections (fewer in a quick run)",
            task: "idle",
            server: Kind::Fake,
            clients: join(&[&OURS, &QAPI, &["qmp", "qemu.qmp", "go-qemu"], &FLOORS]),
            points: one(&[("connections", if options.quick { 1_000 } else { 10_000 })]),
            columns: MEMORY,
            most_rounds: 1,
        },
        Workload {
            name: "busy",
            title: "1,000 busy connections, a command each at a time",
            task: "busy",
            server: Kind::Fake,
            clients: rust(),
            points: one(&[("connections", 1_000), ("rounds", often(options, 20))]),
            columns: TIMES,
            most_rounds: 7,
        },
        Workload {
            name: "first-answer",
            title: "A whole process: start, connect, `query-version`, end",
            task: "",
            server: Kind::Fake,
            clients: vec![
                "smallest-blocking",
                "smallest-tokio",
                "smallest-smol",
                "smallest-qapi",
                "smallest-qapi-tokio",
                "smallest-qmp",
                "qemu.qmp",
                "smallest-floor",
            ],
            points: one(&[("count", 1)]),
            columns: PROCESS,
            most_rounds: 7,
        },
    ]
}

fn real(options: &Options) -> Vec<Workload> {
    let trips = |name, title, task, server, clients| Workload {
        name,
        title,
        task,
        server,
        clients,
        points: one(&[("count", often(options, 1_000))]),
        columns: TIMES,
        most_rounds: 7,
    };
    let everybody = || join(&[&OURS, &QAPI, &QMP, &OTHERS, &FLOORS]);
    let agents = || join(&[&OURS, &QAPI, &FLOORS]);
    vec![
        trips(
            "qemu-7.2",
            "QEMU 7.2, `query-version`",
            "round-trip",
            Kind::Qemu("7.2"),
            everybody(),
        ),
        trips(
            "qemu-11.1",
            "QEMU 11.1, `query-version`",
            "round-trip",
            Kind::Qemu("11.1"),
            everybody(),
        ),
        trips(
            "storage-daemon",
            "Storage daemon 11.1, `query-version`",
            "round-trip",
            Kind::StorageDaemon("11.1"),
            everybody(),
        ),
        trips("agent", "Guest agent 11.1, `guest-ping`", "agent", Kind::Agent("11.1"), agents()),
        Workload {
            name: "upload",
            title: "A file of 64 MiB to a guest agent, by the MiB (4 MiB in a quick run)",
            task: "upload",
            server: Kind::Agent("11.1"),
            clients: agents(),
            points: one(&[
                ("size", if options.quick { 4 << 20 } else { 64 << 20 }),
                ("chunk", 3 << 18),
            ]),
            columns: TIMES,
            most_rounds: 3,
        },
    ]
}

fn scaling(options: &Options) -> Vec<Workload> {
    let quick = options.quick;
    let points = |sizes: &[usize], numbers: &dyn Fn(usize) -> Vec<(&'static str, usize)>| {
        sizes.iter().map(|&at| Point { at, numbers: numbers(at) }).collect::<Vec<_>>()
    };
    let all: &[usize] = &[100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 64 << 20];
    let sizes = if quick { &all[..5] } else { all };
    let chunks = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1 << 20];
    let connections: &[usize] = if quick { &[1, 30, 1_000] } else { &[1, 10, 100, 1_000, 10_000] };
    let total = if quick { 2_000 } else { 20_000 };
    vec![
        Workload {
            name: "size",
            title: "A reply that is a string of some size",
            task: "string",
            server: Kind::Fake,
            clients: vec![
                "blocking",
                "tokio",
                "smol-one",
                "qapi",
                "qapi-tokio",
                "qmp",
                "floor-blocking",
                "floor-tokio",
            ],
            points: points(sizes, &|size| {
                let bytes: usize = if quick { 4 << 20 } else { 128 << 20 };
                vec![("size", size), ("count", (bytes / size).clamp(2, 5_000))]
            }),
            columns: &[CPU],
            most_rounds: 3,
        },
        Workload {
            name: "chunks",
            title: "A reply of 207 kB that comes in pieces of some size, in memory",
            task: "chunks",
            server: Kind::None,
            clients: vec!["proto"],
            points: points(&chunks, &|chunk| {
                let count = if chunk < 64 { 10 } else { 200 };
                vec![("chunk", chunk), ("count", often(options, count))]
            }),
            columns: &[CPU],
            most_rounds: 5,
        },
        Workload {
            name: "connections",
            title: "A command on each of several connections at once",
            task: "busy",
            server: Kind::Fake,
            clients: vec![
                "blocking",
                "tokio",
                "smol-one",
                "qapi",
                "qapi-tokio",
                "qmp",
                "floor-tokio",
                "floor-blocking",
            ],
            points: points(connections, &|count| {
                vec![("connections", count), ("rounds", (total / count).max(2))]
            }),
            columns: &[CPU],
            most_rounds: 3,
        },
        Workload {
            name: "subscribers",
            title: "3,000 events, each to several subscribers: an event to all",
            task: "subscribers",
            server: Kind::Fake,
            clients: vec!["tokio", "tokio-multi", "smol-one"],
            points: points(&[1, 10, 100, 1_000], &|count| {
                vec![("subscribers", count), ("count", if quick { 600 } else { 3_000 })]
            }),
            columns: &[CPU, LOST],
            most_rounds: 3,
        },
    ]
}
