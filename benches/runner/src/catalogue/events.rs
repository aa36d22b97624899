//! Floods of events.

use super::{EVENTS, FLOORS, OTHERS, OURS, QAPI, QMP, Workload, join, often, on_both, one};
use crate::cores::Cores;
use crate::options::Options;
use crate::server::Kind;

pub(super) fn workloads(options: &Options) -> Vec<Workload> {
    let flood = |name, name_on_all, title, clients| {
        let flood = Workload {
            name,
            title,
            task: name,
            server: Kind::Fake,
            cores: Cores::One,
            clients,
            points: one(&[("count", often(options, 300_000))]),
            columns: EVENTS,
            most_rounds: 7,
        };
        on_both(name_on_all, flood)
    };
    [
        flood(
            "events",
            "events-on-all-cores",
            "A flood of 300,000 events of six kinds: names and times; data left as text",
            join(&[&OURS, &["proto"], &FLOORS]),
        ),
        flood(
            "events-value",
            "events-value-on-all-cores",
            "A flood of 300,000 events, data to a `Value`",
            join(&[&OURS, &QMP, &OTHERS, &FLOORS]),
        ),
        flood(
            "events-typed",
            "events-typed-on-all-cores",
            "A flood of 300,000 events, data to a type for each kind",
            join(&[&OURS, &["proto"], &QAPI, &QMP, &FLOORS]),
        ),
    ]
    .concat()
}
