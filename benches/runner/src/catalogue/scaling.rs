//! The same workloads with growing sizes.

use super::{CPU, LOST, Point, Workload, often};
use crate::cores::Cores;
use crate::options::Options;
use crate::server::Kind;

pub(super) fn workloads(options: &Options) -> Vec<Workload> {
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
            cores: Cores::One,
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
            cores: Cores::One,
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
            cores: Cores::One,
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
            cores: Cores::All,
            clients: vec!["tokio", "tokio-multi", "smol-one"],
            points: points(&[1, 10, 100, 1_000], &|count| {
                vec![("subscribers", count), ("count", if quick { 600 } else { 3_000 })]
            }),
            columns: &[CPU, LOST],
            most_rounds: 3,
        },
    ]
}
