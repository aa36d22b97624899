//! The server's side, on smol and on async-std.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

#[path = "../../../conformance/serving/mod.rs"]
mod serving;

use serving::{Bind, serve_on};

impl Bind for qmp_smol::Listener {
    fn bind(path: &std::path::Path) -> Self {
        Self::bind(path).unwrap()
    }
}

serve_on!(smol, qmp_smol::Smol, smol::block_on);
serve_on!(async_std, qmp_smol::Smol, async_std::task::block_on);
