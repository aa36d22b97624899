//! Tests of the vocabulary with real servers of every version.

#![cfg(unix)]
// Helpers panic as tests do.
#![allow(clippy::unwrap_used)]

extern crate alloc;

#[allow(dead_code, reason = "each suite uses a part of it")]
#[path = "../support/conform.rs"]
mod conform;
#[rustfmt::skip]
#[allow(dead_code, reason = "each suite uses a part of it")]
#[path = "../vocabulary/every.rs"]
mod every;
mod errors;
#[path = "../../src/facts.rs"]
#[allow(dead_code, unreachable_pub)]
mod facts;
#[allow(dead_code, reason = "each suite uses a part of it")]
#[path = "../support/maker.rs"]
mod maker;
mod replies;
mod requests;
mod schema;
mod server;
#[path = "../support/teeth.rs"]
mod teeth;
#[path = "../vocabulary/through.rs"]
mod through;
