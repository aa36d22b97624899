//! Recordings of real servers, replayed; and those of `qmp-proto`.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in their shared code.
#![allow(clippy::unwrap_used)]

mod files;
mod loose;
mod made;
mod real;
mod transcripts;
