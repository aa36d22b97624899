//! Third-party clients, which must be able to use the mock as they use QEMU.
//!
//! `cargo xtask python` installs the Python with `qemu.qmp` that these tests need.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in their shared code.
#![allow(clippy::unwrap_used)]

mod legacy;
mod python;
mod qmp_client;
mod qmp_shell;
