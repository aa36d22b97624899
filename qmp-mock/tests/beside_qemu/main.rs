//! Compares the server half with real QEMUs: the same bytes to both.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in their shared code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../qmp-proto/tests/laws/mutations.rs"]
mod mutations;

mod broken;
mod inputs;
mod leaving;
mod order;
mod ours;
mod real;
mod reply;
mod table;
