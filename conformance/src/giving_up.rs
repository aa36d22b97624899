//! Servers whose queue is full, for connection attempts that are given up.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::net::{self, AddressFamily, SocketType, sockopt};

/// What a program may take that gives up after 200 ms: it used to be 6 to 10 seconds.
pub const SOON: Duration = Duration::from_secs(3);

const SHORT: Duration = Duration::from_millis(100);

/// Calls `connect` with the address of a unix socket whose queue is full.
pub fn with_full_unix_queue(connect: impl FnOnce(&str)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("qmp");
    let listener = net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    net::bind(&listener, &net::SocketAddrUnix::new(&path).unwrap()).unwrap();
    net::listen(&listener, 0).unwrap();
    let _clients = fill(&path);
    connect(&format!("unix:{}", path.display()));
}

/// Connects clients until there is no room for more.
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

/// Calls `connect` with the address of a TCP port whose queue is full.
pub fn with_full_tcp_queue(connect: impl FnOnce(&str)) {
    let listener = net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    net::bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    net::listen(&listener, 0).unwrap();
    let address = SocketAddr::try_from(net::getsockname(&listener).unwrap()).unwrap();
    let mut clients = Vec::new();
    while let Ok(client) = TcpStream::connect_timeout(&address, SHORT) {
        clients.push(client);
        assert!(clients.len() < 10, "the queue never fills");
    }
    connect(&format!("tcp:{address}"));
}

/// Asserts that an example which gives up after 200 ms exits soon, with each of these sets of
/// options.
pub fn is_given_up(program: &Path, address: &str, options: &[&[&str]]) {
    for options in options {
        let started = Instant::now();
        let mut command = Command::new(program);
        let output = command.args([address, "200"]).args(*options).output().unwrap();
        let took = started.elapsed();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text, "given up after 200ms\n", "{options:?}");
        assert!(took < SOON, "{options:?}: {took:?}");
    }
}
