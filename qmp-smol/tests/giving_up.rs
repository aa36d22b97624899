//! A connection attempt that is given up does not keep the program from ending.

#![cfg(target_os = "linux")]

use conformance::{example, giving_up};

/// Connecting in both ways.
const OPTIONS: [&[&str]; 2] = [&[], &["--when-up"]];

#[test]
fn a_unix_socket_whose_queue_is_full_is_given_up() {
    let program = example("qmp-smol", "give_up_smol");
    giving_up::with_full_unix_queue(|address| giving_up::is_given_up(&program, address, &OPTIONS));
}

#[test]
fn a_tcp_port_whose_queue_is_full_is_given_up() {
    let program = example("qmp-smol", "give_up_smol");
    giving_up::with_full_tcp_queue(|address| giving_up::is_given_up(&program, address, &OPTIONS));
}
