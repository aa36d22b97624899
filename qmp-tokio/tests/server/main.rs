//! The server's side, on both kinds of tokio's runtime.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

#[path = "../../../conformance/serving/mod.rs"]
mod serving;

use serving::{Bind, serve_on};
use tokio::runtime::Builder;

fn one_thread<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn many_threads<T>(future: impl Future<Output = T>) -> T {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(3).enable_all().build().unwrap().block_on(future)
}

impl Bind for qmp_tokio::Listener {
    fn bind(path: &std::path::Path) -> Self {
        Self::bind(path).unwrap()
    }
}

serve_on!(current_thread, qmp_tokio::Tokio, crate::one_thread);
serve_on!(multi_thread, qmp_tokio::Tokio, crate::many_threads);
