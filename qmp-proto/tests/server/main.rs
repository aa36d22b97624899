//! The server as its clients and their enemies meet it.

// Helpers panic as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

// Parts of these are for the client's tests.
#[path = "../support/vectors.rs"]
#[allow(dead_code)]
mod data;
#[path = "../support/qemu/mod.rs"]
#[allow(dead_code)]
mod qemu;

mod machine;
mod vectors;
