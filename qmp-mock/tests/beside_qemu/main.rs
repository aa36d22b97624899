//! The server half beside real QEMUs: the same bytes to both.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod leaving;
mod order;
mod ours;
mod real;
