//! The clients that are compared.

/// A program in one of its flavours.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) program: Program,
    pub(crate) numbers: &'static [(&'static str, usize)],
    /// The floor of its runtime: the same sockets without JSON.
    pub(crate) floor: &'static str,
    /// What a user of it would have instead; nothing for our own.
    pub(crate) ours: Option<&'static str>,
}

#[derive(Debug)]
pub(crate) enum Program {
    /// One of this workspace's.
    Rust(&'static str),
    Python,
    Go,
}

use Program::{Go, Python, Rust};

pub(crate) const CLIENTS: &[Client] = &[
    Client {
        name: "blocking",
        what: "qmp-blocking",
        program: Rust("bench-blocking"),
        numbers: &[],
        floor: "floor-blocking",
        ours: None,
    },
    Client {
        name: "tokio",
        what: "qmp-tokio, current-thread",
        program: Rust("bench-tokio"),
        numbers: &[],
        floor: "floor-tokio",
        ours: None,
    },
    Client {
        name: "tokio-multi",
        what: "qmp-tokio, multi-thread",
        program: Rust("bench-tokio"),
        numbers: &[("multi", 1)],
        floor: "floor-tokio-multi",
        ours: None,
    },
    Client {
        name: "smol",
        what: "qmp-smol, driver on the global executor's thread",
        program: Rust("bench-smol"),
        numbers: &[],
        floor: "floor-smol",
        ours: None,
    },
    Client {
        name: "smol-one",
        what: "qmp-smol, one executor in one thread",
        program: Rust("bench-smol"),
        numbers: &[("one", 1)],
        floor: "floor-smol",
        ours: None,
    },
    Client {
        name: "proto",
        what: "qmp-proto with a loop of its own",
        program: Rust("bench-proto"),
        numbers: &[],
        floor: "floor-blocking",
        ours: None,
    },
    Client {
        name: "qapi",
        what: "qapi 0.15, blocking",
        program: Rust("bench-qapi"),
        numbers: &[],
        floor: "floor-blocking",
        ours: Some("blocking"),
    },
    Client {
        name: "qapi-tokio",
        what: "qapi 0.15, tokio current-thread",
        program: Rust("bench-qapi-tokio"),
        numbers: &[],
        floor: "floor-tokio",
        ours: Some("tokio"),
    },
    Client {
        name: "qapi-tokio-multi",
        what: "qapi 0.15, tokio multi-thread",
        program: Rust("bench-qapi-tokio"),
        numbers: &[("multi", 1)],
        floor: "floor-tokio-multi",
        ours: Some("tokio-multi"),
    },
    Client {
        name: "qmp",
        what: "qmp 0.1.1, tokio current-thread",
        program: Rust("bench-qmp"),
        numbers: &[],
        floor: "floor-tokio",
        ours: Some("tokio"),
    },
    Client {
        name: "qmp-multi",
        what: "qmp 0.1.1, tokio multi-thread",
        program: Rust("bench-qmp"),
        numbers: &[("multi", 1)],
        floor: "floor-tokio-multi",
        ours: Some("tokio-multi"),
    },
    Client {
        name: "qemu.qmp",
        what: "Python's qemu.qmp 0.0.6",
        program: Python,
        numbers: &[],
        floor: "floor-tokio",
        ours: Some("tokio"),
    },
    Client {
        name: "go-qemu",
        what: "Go's go-qemu",
        program: Go,
        numbers: &[],
        floor: "floor-blocking",
        ours: Some("tokio-multi"),
    },
    Client {
        name: "floor-blocking",
        what: "no JSON, blocking",
        program: Rust("bench-floor"),
        numbers: &[("floor", 1)],
        floor: "floor-blocking",
        ours: None,
    },
    Client {
        name: "floor-tokio",
        what: "no JSON, tokio current-thread",
        program: Rust("bench-floor"),
        numbers: &[("floor", 2)],
        floor: "floor-tokio",
        ours: None,
    },
    Client {
        name: "floor-tokio-multi",
        what: "no JSON, tokio multi-thread",
        program: Rust("bench-floor"),
        numbers: &[("floor", 2), ("multi", 1)],
        floor: "floor-tokio-multi",
        ours: None,
    },
    Client {
        name: "floor-smol",
        what: "no JSON, smol",
        program: Rust("bench-floor"),
        numbers: &[("floor", 3)],
        floor: "floor-smol",
        ours: None,
    },
    Client {
        name: "smallest-blocking",
        what: "smallest program on qmp-blocking",
        program: Rust("smallest-blocking"),
        numbers: &[],
        floor: "smallest-floor",
        ours: None,
    },
    Client {
        name: "smallest-tokio",
        what: "smallest program on qmp-tokio",
        program: Rust("smallest-tokio"),
        numbers: &[],
        floor: "smallest-floor",
        ours: None,
    },
    Client {
        name: "smallest-smol",
        what: "smallest program on qmp-smol",
        program: Rust("smallest-smol"),
        numbers: &[],
        floor: "smallest-floor",
        ours: None,
    },
    Client {
        name: "smallest-qapi",
        what: "smallest program on qapi 0.15, blocking",
        program: Rust("smallest-qapi"),
        numbers: &[],
        floor: "smallest-floor",
        ours: Some("smallest-blocking"),
    },
    Client {
        name: "smallest-qapi-tokio",
        what: "smallest program on qapi 0.15, tokio",
        program: Rust("smallest-qapi-tokio"),
        numbers: &[],
        floor: "smallest-floor",
        ours: Some("smallest-tokio"),
    },
    Client {
        name: "smallest-qmp",
        what: "smallest program on qmp 0.1.1",
        program: Rust("smallest-qmp"),
        numbers: &[],
        floor: "smallest-floor",
        ours: Some("smallest-tokio"),
    },
    Client {
        name: "smallest-floor",
        what: "smallest program on no JSON, blocking",
        program: Rust("smallest-floor"),
        numbers: &[],
        floor: "smallest-floor",
        ours: None,
    },
    Client {
        name: "route-event",
        what: "an event as QEMU prints it",
        program: Rust("bench-core"),
        numbers: &[("path", 0)],
        floor: "raw-value-event",
        ours: None,
    },
    Client {
        name: "route-reply-207k",
        what: "a command, and its answer of 207 kB as QEMU prints it",
        program: Rust("bench-core"),
        numbers: &[("path", 1)],
        floor: "newline-207k",
        ours: None,
    },
    Client {
        name: "command-and-answer",
        what: "a command, and its short answer",
        program: Rust("bench-core"),
        numbers: &[("path", 2)],
        floor: "command-and-answer",
        ours: None,
    },
    Client {
        name: "split-event",
        what: "the event printed otherwise",
        program: Rust("bench-core"),
        numbers: &[("path", 3)],
        floor: "byte-loop-event",
        ours: None,
    },
    Client {
        name: "split-reply-207k",
        what: "the answer of 207 kB, its id first",
        program: Rust("bench-core"),
        numbers: &[("path", 4)],
        floor: "byte-loop-207k",
        ours: None,
    },
    Client {
        name: "newline-207k",
        what: "memchr for the line end",
        program: Rust("bench-core"),
        numbers: &[("path", 5)],
        floor: "newline-207k",
        ours: None,
    },
    Client {
        name: "raw-value-event",
        what: "serde_json to `RawValue`s",
        program: Rust("bench-core"),
        numbers: &[("path", 6)],
        floor: "raw-value-event",
        ours: None,
    },
    Client {
        name: "raw-value-207k",
        what: "serde_json to `RawValue`s",
        program: Rust("bench-core"),
        numbers: &[("path", 7)],
        floor: "raw-value-207k",
        ours: None,
    },
    Client {
        name: "byte-loop-event",
        what: "a loop over the bytes that finds the members",
        program: Rust("bench-core"),
        numbers: &[("path", 8)],
        floor: "byte-loop-event",
        ours: None,
    },
    Client {
        name: "byte-loop-207k",
        what: "a loop over the bytes that finds the members",
        program: Rust("bench-core"),
        numbers: &[("path", 9)],
        floor: "byte-loop-207k",
        ours: None,
    },
];

impl Client {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        CLIENTS.iter().find(|client| client.name == name)
    }

    pub(crate) fn is_floor(&self) -> bool {
        self.floor == self.name
    }
}
