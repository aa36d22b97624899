//! The server's side, against our own client and against whatever else may connect.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

mod host;

mod commands;
