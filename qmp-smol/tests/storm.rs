//! Commands, cancellations, deadlines, resets and reconnections at random, in a process of their own.
//!
//! With `QMP_TEST_STORM=300000` and `--nocapture`, it takes longer and reports what happened.

#![cfg(target_os = "linux")]
// clippy.toml allows it in tests, but not in what they use.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use conformance::Adapter;
use conformance::scenarios::storm;
use qmp_smol::{Builder, Listener};

struct Smol;

impl Adapter for Smol {
    type Builder = Builder<qmp_smol::Smol>;

    fn listen(path: &Path) -> Listener {
        conformance::ready(Listener::bind(path)).unwrap()
    }

    fn block_on<T>(scenario: impl Future<Output = T>) -> T {
        ::smol::block_on(scenario)
    }
}

#[test]
fn a_storm_on_smol() {
    storm::<Smol>("smol");
}
