//! Connections, one after another and many.

use super::{
    FLOORS, MEMORY, OTHERS, OURS, PROCESS, QAPI, QMP, TIMES, Workload, join, often, on_both, one,
};
use crate::cores::Cores;
use crate::options::Options;
use crate::server::Kind;

pub(super) fn workloads(options: &Options) -> Vec<Workload> {
    let connect = Workload {
        name: "connect",
        title: "Connect, negotiate, close",
        task: "connect",
        server: Kind::Fake,
        cores: Cores::One,
        clients: join(&[&OURS, &QAPI, &QMP, &OTHERS, &FLOORS]),
        points: one(&[("count", often(options, 3_000))]),
        columns: TIMES,
        most_rounds: 7,
    };
    let idle = Workload {
        name: "idle",
        title: "Memory of 10,000 idle connections (fewer in a quick run)",
        task: "idle",
        server: Kind::Fake,
        cores: Cores::All,
        clients: join(&[&OURS, &QAPI, &["qmp", "qemu.qmp", "go-qemu"], &FLOORS]),
        points: one(&[("connections", if options.quick { 1_000 } else { 10_000 })]),
        columns: MEMORY,
        most_rounds: 1,
    };
    let busy = Workload {
        name: "busy",
        title: "1,000 busy connections, a command each at a time",
        task: "busy",
        server: Kind::Fake,
        cores: Cores::One,
        clients: join(&[&OURS, &QAPI, &QMP, &FLOORS]),
        points: one(&[("connections", 1_000), ("rounds", often(options, 20))]),
        columns: TIMES,
        most_rounds: 7,
    };
    let first_answer = Workload {
        name: "first-answer",
        title: "A whole process: start, connect, `query-version`, end",
        task: "",
        server: Kind::Fake,
        cores: Cores::One,
        clients: vec![
            "smallest-blocking",
            "smallest-tokio",
            "smallest-smol",
            "smallest-qapi",
            "smallest-qapi-tokio",
            "smallest-qmp",
            "qemu.qmp",
            "qmp-tool",
            "qmp-shell",
            "socat",
            "smallest-floor",
        ],
        points: one(&[("count", 1)]),
        columns: PROCESS,
        most_rounds: 7,
    };
    let mut all = Vec::new();
    all.extend(on_both("connect-on-all-cores", connect));
    all.push(idle);
    all.extend(on_both("busy-on-all-cores", busy));
    all.push(first_answer);
    all
}
