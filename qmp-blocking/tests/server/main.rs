//! The server's side, with a client of ours in another thread, and with whatever else may connect.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

mod peer;

mod commands;
mod descriptors;
mod ends;
mod events;
mod hostile;
