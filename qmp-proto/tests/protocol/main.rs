//! Tests of the client through its public interface.

// Helpers panic as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/vectors.rs"]
mod data;
#[path = "../support/generators.rs"]
mod generators;
mod peer;
#[path = "../support/qemu/mod.rs"]
mod qemu;

mod agent;
mod agent_window;
mod answers;
mod descriptors;
mod ends;
mod handshake;
#[cfg(feature = "serde")]
mod hostile_text;
mod laws;
mod out_of_band;
mod raw;
#[cfg(feature = "alloc")]
mod session;
mod slots;
mod spellings;
mod texts;
mod transcripts;
mod unreadable;
mod vectors;
