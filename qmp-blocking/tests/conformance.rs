//! The client does what every client does, without a runtime.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they use.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use conformance::Adapter;
use qmp_blocking::{Builder, Listener};

conformance::tests!(blocking blocking, crate::Blocking);

struct Blocking;

impl Adapter for Blocking {
    type Builder = Builder;

    fn listen(path: &Path) -> Listener {
        Listener::bind(path).unwrap()
    }

    fn block_on<T>(scenario: impl Future<Output = T>) -> T {
        conformance::ready(scenario)
    }
}
