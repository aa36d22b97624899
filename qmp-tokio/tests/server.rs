//! The server's side, on both kinds of tokio's runtime.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use conformance::serving_tests;
use qmp_tokio::Listener;
use tokio::runtime::Builder;

fn one_thread<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn many_threads<T>(future: impl Future<Output = T>) -> T {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(3).enable_all().build().unwrap().block_on(future)
}

fn bind(path: &Path) -> Listener {
    conformance::ready(Listener::bind(path)).unwrap()
}

serving_tests!(current_thread, qmp_tokio::Tokio, crate::one_thread, crate::bind);
serving_tests!(multi_thread, qmp_tokio::Tokio, crate::many_threads, crate::bind);
