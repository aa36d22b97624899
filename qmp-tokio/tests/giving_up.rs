//! A connection attempt that is given up does not keep the program from ending.

#![cfg(target_os = "linux")]

use conformance::{example, giving_up};

/// Both flavours of the runtime, connecting in both ways.
const OPTIONS: [&[&str]; 4] =
    [&[], &["--one-thread"], &["--when-up"], &["--when-up", "--one-thread"]];

#[test]
fn a_unix_socket_whose_queue_is_full_is_given_up() {
    let program = example("qmp-tokio", "give_up");
    giving_up::with_full_unix_queue(|address| giving_up::is_given_up(&program, address, &OPTIONS));
}

#[test]
fn a_tcp_port_whose_queue_is_full_is_given_up() {
    let program = example("qmp-tokio", "give_up");
    giving_up::with_full_tcp_queue(|address| giving_up::is_given_up(&program, address, &OPTIONS));
}
