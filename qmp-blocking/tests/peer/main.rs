//! The client against peers that do what no real server does on demand: the other end of a socket
//! pair, driven by a thread of the test.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

mod peer;

mod aborting;
mod addresses;
mod agent;
mod blocking_stream;
mod descriptors;
mod dropping;
mod ends;
mod events;
mod full_socket;
mod handshake;
mod malformed;

mod operations;
mod queued;
mod reconnecting;
mod unreadable;
mod wire;

#[test]
fn a_client_can_be_sent_to_another_thread() {
    const fn is_send<T: Send>() {}
    is_send::<qmp_blocking::Client>();
    is_send::<qmp_blocking::server::ClientConnection>();
}
