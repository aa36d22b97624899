//! A connection attempt ends at its deadline, whatever the server's queue is like.

#![cfg(target_os = "linux")]
// clippy.toml allows it in tests, but not in what they use.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use conformance::giving_up;

fn is_given_up(address: &str) {
    let builder = || qmp_blocking::builder().connect_timeout(Duration::from_millis(200));
    let started = Instant::now();
    let error = builder().connect(address).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let error = builder().connect_with_retry(address, || Ok(None)).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let took = started.elapsed();
    assert!(took < giving_up::SOON, "{took:?}");
}

#[test]
fn a_unix_socket_whose_queue_is_full_is_given_up() {
    giving_up::with_full_unix_queue(is_given_up);
}

#[test]
fn a_tcp_port_whose_queue_is_full_is_given_up() {
    giving_up::with_full_tcp_queue(is_given_up);
}
