//! The example that shares one monitor, between clients and QEMUs.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

mod faithful;
mod played;
mod shared;
mod together;
