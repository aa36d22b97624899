//! The server half beside real QEMUs: the same bytes to both.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
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
