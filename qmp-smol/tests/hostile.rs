//! Hostile peers, and what they cost, on smol and on async-std. With `-- --nocapture` it prints tables.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they use.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use conformance::Adapter;
use conformance::hostile::{self, Asynchronous, PeakAlloc};
use qmp_smol::{Builder, Listener};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

struct Smol;

impl Adapter for Smol {
    type Builder = Builder<qmp_smol::Smol>;

    fn listen(path: &Path) -> Listener {
        conformance::ready(Listener::bind(path)).unwrap()
    }

    fn block_on<T>(scenario: impl Future<Output = T>) -> T {
        smol::block_on(scenario)
    }
}

struct AsyncStd;

impl Adapter for AsyncStd {
    type Builder = Builder<qmp_smol::Smol>;

    fn listen(path: &Path) -> Listener {
        conformance::ready(Listener::bind(path)).unwrap()
    }

    fn block_on<T>(scenario: impl Future<Output = T>) -> T {
        async_std::task::block_on(scenario)
    }
}

#[test]
fn servers_may_be_hostile() {
    hostile::servers::<Smol>(HEAP, "qmp-smol");
    hostile::servers::<AsyncStd>(HEAP, "qmp-smol on async-std");
}

#[test]
fn clients_may_be_hostile() {
    hostile::clients::<Asynchronous<Smol>>(HEAP, "qmp-smol");
    hostile::clients::<Asynchronous<AsyncStd>>(HEAP, "qmp-smol on async-std");
}
