//! The client against servers that misbehave, or behave, in known ways.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

mod peer;

mod cancelling;
mod deadlines;
mod ends;
mod events;
mod faults;
mod handshake;
mod locks;
mod many;
mod patience;
mod reconnect;
mod streams;
mod timer;
mod wire;
