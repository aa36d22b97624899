//! Clients of other people as judges: the mock is a server to them as QEMU is.
//!
//! `cargo xtask python` gets the Python with `qemu.qmp` in it that these tests need.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

mod legacy;
mod python;
mod qmp_client;
mod qmp_shell;
