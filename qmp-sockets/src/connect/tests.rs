use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use rustix::io::{FdFlags, fcntl_getfd};

use super::*;
use crate::connect::tcp::is_own_end;
use crate::unix_address;

/// A deadline that must not pass, even on a busy machine.
fn in_time() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(30))
}

/// A deadline that must pass.
#[cfg(target_os = "linux")]
fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(200))
}

fn once(address: &Address) -> Option<Result<Socket, ConnectError>> {
    PendingConnect::new(address.clone(), Deadline::NEVER).try_connect()
}

fn is_closed_on_exec(socket: &Socket) -> bool {
    fcntl_getfd(socket).unwrap().contains(FdFlags::CLOEXEC)
}

/// Returns a listener whose queue of waiting clients is full, and the clients in it.
#[cfg(target_os = "linux")]
fn full_listener(path: &std::path::Path) -> (socket2::Socket, Vec<Socket>) {
    let listener =
        socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    listener.bind(&socket2::SockAddr::unix(path).unwrap()).unwrap();
    listener.listen(0).unwrap();
    let address = unix_address(path);
    let mut clients = Vec::new();
    while let Ok(client) = connect(&address, soon()) {
        clients.push(client);
        assert!(clients.len() < 10, "the queue never fills");
    }
    (listener, clients)
}

#[test]
fn a_unix_socket_is_connected_and_left_blocking() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    let listener = UnixListener::bind(&path).unwrap();
    let mut socket = connect(&unix_address(&path), in_time()).unwrap();
    assert!(is_closed_on_exec(&socket));
    assert_eq!(socket2::SockRef::from(&socket).write_timeout().unwrap(), None);
    let (mut server, _) = listener.accept().unwrap();
    server.write_all(b"{}").unwrap();
    socket.read_exact(&mut [0; 2]).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn an_abstract_socket_is_connected() {
    use std::os::linux::net::SocketAddrExt;
    let name = format!("qmp-sockets-test-{}", std::process::id());
    let bound = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = UnixListener::bind_addr(&bound).unwrap();
    connect(&format!("unix:@{name}").parse().unwrap(), in_time()).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_path_longer_than_an_address_is_connected() {
    let directory = tempfile::tempdir().unwrap();
    let deep = directory.path().join("d".repeat(200));
    std::fs::create_dir(&deep).unwrap();
    let long = deep.join("vm.qmp");
    let short = directory.path().join("s");
    let _listener = UnixListener::bind(&short).unwrap();
    std::fs::rename(&short, &long).unwrap();
    connect(&unix_address(&long), in_time()).unwrap();
}

#[test]
fn a_host_name_is_connected_without_delay_for_small_writes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for deadline in [None, in_time()] {
        let socket = connect(&Address::tcp("localhost", port), deadline).unwrap();
        assert!(is_closed_on_exec(&socket));
        assert!(socket2::SockRef::from(&socket).tcp_nodelay().unwrap());
    }
}

#[test]
fn an_inherited_descriptor_is_connected_already() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let number = u32::try_from(ours.as_raw_fd()).unwrap();
    let mut socket = connect(&Address::Descriptor(number), None).unwrap();
    assert_ne!(socket.as_fd().as_raw_fd(), ours.as_raw_fd());
    socket.write_all(b"x").unwrap();
    theirs.read_exact(&mut [0]).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_queue_is_waited_for_until_the_deadline() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    let (_listener, clients) = full_listener(&path);
    assert!(!clients.is_empty());
    let started = Instant::now();
    let error = connect(&unix_address(&path), soon()).unwrap_err();
    assert!(started.elapsed() >= Duration::from_millis(190));
    assert!(error.is_timeout(), "{error}");
    assert!(error.to_string().contains("another client"), "{error}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_place_in_a_full_queue_is_taken_when_it_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    let (listener, _clients) = full_listener(&path);
    let accepting = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        let accepted = listener.accept();
        (listener, accepted)
    });
    let deadline = Instant::now() + Duration::from_secs(20);
    connect(&unix_address(&path), Some(deadline)).unwrap();
    let (_listener, accepted) = accepting.join().unwrap();
    accepted.unwrap();
}

#[test]
fn a_unix_socket_with_room_is_connected_at_once_and_does_not_block() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    let error = once(&unix_address(&path)).unwrap().unwrap_err();
    assert!(error.to_string().contains("vm.qmp"), "{error}");
    let _listener = UnixListener::bind(&path).unwrap();
    let mut socket = once(&unix_address(&path)).unwrap().unwrap();
    assert!(is_closed_on_exec(&socket));
    assert_eq!(socket.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_queue_is_nothing_to_connect_to_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    let (_listener, _clients) = full_listener(&path);
    assert!(once(&unix_address(&path)).is_none());
}

#[test]
fn port_zero_cannot_be_connected_to() {
    let error = connect(&"localhost:0".parse().unwrap(), None).unwrap_err();
    assert!(error.to_string().contains("only to a listener"), "{error}");
}

#[test]
fn a_deadline_that_has_passed_connects_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::from(listener.local_addr().unwrap());
    let error = connect(&address, Some(Instant::now())).unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_vsock_address_nobody_has_is_an_error_with_advice() {
    let address = "vsock:4294967290:1".parse().unwrap();
    let error = connect(&address, soon()).unwrap_err();
    assert!(error.to_string().starts_with("cannot connect to vsock:4294967290:1: "));
    assert!(error.to_string().contains("guest"), "{error}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_socket_connected_to_itself_is_recognised() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.connect(&socket.local_addr().unwrap()).unwrap();
    assert!(is_own_end(&socket.into()));

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(!is_own_end(&TcpStream::connect(listener.local_addr().unwrap()).unwrap()));
}
