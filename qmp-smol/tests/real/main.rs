//! The client against real servers: on smol, on async-std, and where there is no runtime at all.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

#[path = "../../../conformance/mod.rs"]
mod conformance;

use conformance::on_every_qemu;
use conformance::scenarios::Bind;

impl Bind for qmp_smol::Listener {
    fn bind(path: &std::path::Path) -> Self {
        Self::bind(path).unwrap()
    }
}

on_every_qemu!(smol, qmp_smol::Smol, smol::block_on);
on_every_qemu!(async_std, qmp_smol::Smol, async_std::task::block_on);
