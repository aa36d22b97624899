//! The mock, with clients of this project's.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

mod asynchronous;
mod clients;
mod descriptors;
mod ends;
mod events;
mod guest_exec;
mod order;
mod presentation;
mod reading;
mod rules;
mod usual;
mod verification;
mod wire;
