//! The vocabulary beside real servers of every version.

#![cfg(unix)]
// Helpers panic as tests do.
#![allow(clippy::unwrap_used)]

extern crate alloc;

#[path = "../support/conform.rs"]
mod conform;
#[rustfmt::skip]
#[path = "../vocabulary/every.rs"]
mod every;
#[path = "../../src/facts.rs"]
#[allow(dead_code, unreachable_pub)]
mod facts;
mod replies;
mod schema;
mod server;
#[path = "../vocabulary/through.rs"]
mod through;
