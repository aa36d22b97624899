//! Tests of the server through its public interface.

// Helpers panic as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

// Parts of these modules are used only by the client's tests.
#[path = "../support/vectors.rs"]
#[allow(dead_code)]
mod data;
#[path = "../support/generators.rs"]
#[allow(dead_code)]
mod generators;
#[path = "../support/qemu/mod.rs"]
#[allow(dead_code)]
mod qemu;

mod host;
mod machine;

mod agent;
mod answers;
mod drive;
mod flight;
mod handshake;
mod laws;
mod limits;
mod order;
mod proxy;
mod resume;
mod room;
mod session;
mod texts;
mod transcripts;
mod vectors;
