//! Tests of the whole vocabulary against its facts and against recorded sessions.

// Helpers panic as tests do.
#![allow(clippy::unwrap_used)]

extern crate alloc;

#[allow(dead_code, reason = "each suite uses a part of it")]
#[path = "../support/conform.rs"]
mod conform;
mod conformance;
mod describe;
#[rustfmt::skip]
mod every;
#[path = "../../src/facts.rs"]
#[allow(dead_code, unreachable_pub)]
mod facts;
mod forward;
#[allow(dead_code, reason = "each suite uses a part of it")]
#[path = "../support/maker.rs"]
mod maker;
mod recorded;
mod server_half;
#[path = "../support/teeth.rs"]
mod teeth;
mod through;
mod words;
