//! Workloads in memory, without a socket; `× floor` is relative to the baseline there.

use super::{CPU, Workload, often, one};
use crate::cores::Cores;
use crate::options::Options;
use crate::server::Kind;

pub(super) fn workloads(options: &Options) -> Vec<Workload> {
    let paths = |name, title, clients: &[&'static str], count| Workload {
        name,
        title,
        task: "core",
        server: Kind::None,
        cores: Cores::One,
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
                "route-events",
                "command-and-answer",
                "split-event",
                "raw-value-event",
                "raw-value-events",
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
                "decode-typed-207k",
                "decode-by-hand-207k",
            ],
            1_000,
        ),
    ]
}
