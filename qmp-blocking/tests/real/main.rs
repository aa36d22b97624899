//! The client against real servers: QEMU, its storage daemon and its guest agent, in every version
//! that `cargo xtask qemu` unpacks.
//!
//! Each subject is a test for each version: `events::stop_and_cont::v7_2`, say.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

mod server;
mod slow;

mod agent;
mod agent_trouble;
mod deadlines;
mod descriptors;
mod endings;
mod errors;
mod events;
mod examples;
mod launching;
mod negotiation;
mod out_of_band;
mod pipelining;
mod predecessor;
mod raw;
mod schema;
mod secrets;
mod silence;
mod starting;
mod storage_daemon;
mod transports;
mod typed;
