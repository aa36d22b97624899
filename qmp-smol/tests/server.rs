//! The server's side, on smol and on async-std.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use conformance::serving_tests;
use qmp_smol::Listener;

fn bind(path: &Path) -> Listener {
    conformance::ready(Listener::bind(path)).unwrap()
}

serving_tests!(smol, qmp_smol::Smol, smol::block_on, crate::bind);
serving_tests!(async_std, qmp_smol::Smol, async_std::task::block_on, crate::bind);
