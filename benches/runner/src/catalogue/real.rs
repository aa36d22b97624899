//! Real servers.

use super::{FLOORS, OTHERS, OURS, QAPI, QMP, TIMES, Workload, join, often, one};
use crate::cores::Cores;
use crate::options::Options;
use crate::server::Kind;

pub(super) fn workloads(options: &Options) -> Vec<Workload> {
    let trips = |name, title, task, server, clients| Workload {
        name,
        title,
        task,
        server,
        cores: Cores::All,
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
            cores: Cores::All,
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
