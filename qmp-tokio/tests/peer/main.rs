//! The client against servers that misbehave, or behave, in known ways.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

mod peer;

mod agent_window;
mod cancelling;
mod closing;
mod deadlines;
mod ends;
mod events;
mod execute;
mod faults;
mod handshake;
mod locks;
mod many;
mod operations;
mod other_runtimes;
mod patience;
mod reconnect;
mod streams;
mod timer;
mod wire;
