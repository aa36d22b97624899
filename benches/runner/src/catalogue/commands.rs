//! Commands and replies.

use super::{
    BYTES, FLOORS, OTHERS, OURS, QAPI, QMP, TIMES, Workload, join, of_one_thread, often, on_both,
    one,
};
use crate::cores::Cores;
use crate::options::Options;
use crate::server::Kind;

pub(super) fn workloads(options: &Options) -> Vec<Workload> {
    let everybody = || join(&[&OURS, &["proto"], &QAPI, &QMP, &OTHERS, &FLOORS]);
    let count = |count| one(&[("count", often(options, count))]);
    let schemas = |name, title, clients| Workload {
        name,
        title,
        task: name,
        server: Kind::Fake,
        cores: Cores::One,
        clients: of_one_thread(clients),
        points: count(200),
        columns: TIMES,
        most_rounds: 7,
    };
    let round_trip = Workload {
        name: "round-trip",
        title: "One command after another (`query-version`, typed)",
        task: "round-trip",
        server: Kind::Fake,
        cores: Cores::One,
        clients: everybody(),
        points: count(20_000),
        columns: TIMES,
        most_rounds: 7,
    };
    let in_flight = Workload {
        name: "in-flight",
        title: "32 commands in flight (`query-version`, typed)",
        task: "in-flight",
        server: Kind::Fake,
        cores: Cores::One,
        clients: join(&[&OURS, &QAPI, &QMP, &["qemu.qmp"], &FLOORS]),
        points: one(&[("count", often(options, 100_000)), ("width", 32)]),
        columns: TIMES,
        most_rounds: 7,
    };
    let mut all = Vec::new();
    all.extend(on_both("round-trip-on-all-cores", round_trip));
    all.extend(on_both("in-flight-on-all-cores", in_flight));
    all.extend([
        schemas(
            "schema-value",
            "A reply of 207 kB (`query-qmp-schema`) to a `Value`",
            join(&[&OURS, &QAPI, &QMP, &["qemu.qmp"], &FLOORS]),
        ),
        schemas(
            "schema-owned",
            "A reply of 207 kB to a type that owns its strings",
            join(&[&OURS, &QAPI, &QMP, &FLOORS]),
        ),
        schemas(
            "schema-borrowed",
            "A reply of 207 kB to a type that borrows its strings (ours only)",
            join(&[&OURS, &FLOORS]),
        ),
        Workload {
            name: "bytes",
            title: "Bytes on the wire for one `query-version`",
            task: "round-trip",
            server: Kind::Fake,
            cores: Cores::All,
            clients: join(&[&["blocking", "tokio", "qapi", "qapi-tokio", "qmp"], &OTHERS]),
            points: one(&[("count", 100)]),
            columns: BYTES,
            most_rounds: 1,
        },
    ]);
    all
}
