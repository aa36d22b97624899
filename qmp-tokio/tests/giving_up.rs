//! A connection attempt that is given up does not keep the program from ending.

#![cfg(target_os = "linux")]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use conformance::example;
use rustix::net::{self, AddressFamily, SocketType, sockopt};

/// What a program may take that gives up after 200 ms: it used to be 6 to 10 seconds.
const SOON: Duration = Duration::from_secs(3);

/// Runs the example on both flavours of the runtime, connecting in both ways.
fn is_given_up(address: &str) {
    let program = example("qmp-tokio", "give_up");
    for options in [&[][..], &["--one-thread"], &["--when-up"], &["--when-up", "--one-thread"]] {
        let started = Instant::now();
        let mut command = Command::new(&program);
        let output = command.args([address, "200"]).args(options).output().unwrap();
        let took = started.elapsed();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, "given up after 200ms\n", "{options:?}");
        assert!(took < SOON, "{options:?}: {took:?}");
    }
}

#[test]
fn a_unix_socket_whose_queue_is_full_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("qmp");
    let listener = net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    net::bind(&listener, &net::SocketAddrUnix::new(&path).unwrap()).unwrap();
    net::listen(&listener, 0).unwrap();
    let _clients = fill(&path);
    is_given_up(&format!("unix:{}", path.display()));
}

/// Clients until there is no room for more.
fn fill(path: &Path) -> Vec<UnixStream> {
    let mut clients = Vec::new();
    loop {
        let client = net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        sockopt::set_socket_timeout(&client, sockopt::Timeout::Send, Some(SHORT)).unwrap();
        match net::connect(&client, &net::SocketAddrUnix::new(path).unwrap()) {
            Ok(()) => clients.push(client.into()),
            Err(_) => return clients,
        }
        assert!(clients.len() < 10, "the queue never fills");
    }
}

const SHORT: Duration = Duration::from_millis(100);

#[test]
fn a_tcp_port_whose_queue_is_full_is_given_up() {
    let listener = net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    net::bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    net::listen(&listener, 0).unwrap();
    let address = SocketAddr::try_from(net::getsockname(&listener).unwrap()).unwrap();
    let mut clients = Vec::new();
    while let Ok(client) = TcpStream::connect_timeout(&address, SHORT) {
        clients.push(client);
        assert!(clients.len() < 10, "the queue never fills");
    }
    is_given_up(&format!("tcp:{address}"));
}
