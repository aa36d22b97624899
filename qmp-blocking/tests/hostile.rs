//! Hostile peers, and what they cost. With `-- --nocapture` it prints a table.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they use.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use conformance::hostile::{self, PeakAlloc};
use conformance::{Adapter, ready};
use qmp_blocking::{Builder, Listener};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

struct Blocking;

impl Adapter for Blocking {
    type Builder = Builder;

    fn listen(path: &Path) -> Listener {
        Listener::bind(path).unwrap()
    }

    fn block_on<T>(scenario: impl Future<Output = T>) -> T {
        ready(scenario)
    }
}

#[test]
fn servers_may_be_hostile() {
    hostile::servers::<Blocking>(HEAP, "qmp-blocking");
}

#[test]
fn clients_may_be_hostile() {
    hostile::clients::<hostile::Blocking>(HEAP, "qmp-blocking");
}
