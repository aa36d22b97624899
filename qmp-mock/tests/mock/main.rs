//! The mock with clients of this project.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in their shared code.
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
