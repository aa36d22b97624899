//! Recordings: of real servers, replayed; and those of `qmp-proto`.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

#[macro_use]
#[allow(dead_code, unused_macros)]
#[path = "../../../qmp-blocking/tests/real/suite.rs"]
mod suite;

#[allow(dead_code)]
#[path = "../../../qmp-blocking/tests/real/server.rs"]
mod server;

mod files;
mod loose;
mod made;
mod real;
mod transcripts;
