//! Hostile peers, and what they cost. With `-- --nocapture` it prints a table.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they use.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use conformance::Adapter;
use conformance::hostile::{self, Asynchronous, PeakAlloc};
use qmp_tokio::{Builder, Listener, Tokio};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

struct OneThread;

impl Adapter for OneThread {
    type Builder = Builder<Tokio>;

    fn listen(path: &Path) -> Listener {
        conformance::ready(Listener::bind(path)).unwrap()
    }

    fn block_on<T>(scenario: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap().block_on(scenario)
    }
}

#[test]
fn servers_may_be_hostile() {
    hostile::servers::<OneThread>(HEAP, "qmp-tokio");
}

#[test]
fn clients_may_be_hostile() {
    hostile::clients::<Asynchronous<OneThread>>(HEAP, "qmp-tokio");
}
