//! Commands, cancellations, deadlines, resets and reconnections at random, in a process of their own.
//!
//! With `QMP_TEST_STORM=300000` and `--nocapture`, it takes longer and reports what happened.

#![cfg(target_os = "linux")]
// clippy.toml allows it in tests, but not in what they use.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use conformance::Adapter;
use conformance::scenarios::storm;
use qmp_tokio::{Builder, Listener, Tokio};
use tokio::runtime;

struct CurrentThread;
struct MultiThread;

impl Adapter for CurrentThread {
    type Builder = Builder<Tokio>;

    fn listen(path: &Path) -> Listener {
        conformance::ready(Listener::bind(path)).unwrap()
    }

    fn block_on<T>(scenario: impl Future<Output = T>) -> T {
        runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(scenario)
    }
}

impl Adapter for MultiThread {
    type Builder = Builder<Tokio>;

    fn listen(path: &Path) -> Listener {
        conformance::ready(Listener::bind(path)).unwrap()
    }

    fn block_on<T>(scenario: impl Future<Output = T>) -> T {
        let mut builder = runtime::Builder::new_multi_thread();
        builder.worker_threads(3).enable_all().build().unwrap().block_on(scenario)
    }
}

#[test]
fn a_storm_on_one_thread() {
    storm::<CurrentThread>("tokio, current thread");
}

#[test]
fn a_storm_on_several_threads() {
    storm::<MultiThread>("tokio, several threads");
}
