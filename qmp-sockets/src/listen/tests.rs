use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::*;
use crate::{connect, unix_address};

/// For what must happen, however busy the machine is.
fn in_time() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(30))
}

/// For what must time out.
fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(100))
}

fn bind(path: &Path) -> Result<Listener, SocketError> {
    Listener::bind(path)
}

/// Connects and sends one byte each way.
fn assert_serves(listener: &Listener) {
    let mut client = connect(listener.local_address(), in_time()).unwrap();
    let mut served = listener.accept(in_time()).unwrap();
    if !served.supports_descriptors() {
        assert!(socket2::SockRef::from(&served).tcp_nodelay().unwrap());
    }
    client.write_all(b"?").unwrap();
    served.read_exact(&mut [0]).unwrap();
    served.write_all(b"!").unwrap();
    client.read_exact(&mut [0]).unwrap();
}

#[test]
fn a_unix_socket_serves_and_its_file_goes_with_the_listener() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    let listener = bind(&path).unwrap();
    assert_serves(&listener);
    assert_eq!(listener.local_address(), &unix_address(&path));
    let file = fs::metadata(&path).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    drop(listener);
    assert!(!path.exists());
}

#[test]
fn a_socket_file_left_over_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    assert_serves(&bind(&path).unwrap());
}

#[test]
fn whoever_locks_the_directory_is_no_hindrance() {
    use rustix::fs::{FlockOperation, flock};
    let directory = tempfile::tempdir().unwrap();
    let held = fs::File::open(directory.path()).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    let path = directory.path().join("vm.qmp");
    let started = Instant::now();
    drop(bind(&path).unwrap());
    drop(UnixListener::bind(&path).unwrap());
    assert_serves(&bind(&path).unwrap());
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left over");
}

#[test]
fn a_dead_file_that_another_program_replaces_is_in_use_at_once() {
    use rustix::fs::{FlockOperation, flock};
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    drop(UnixListener::bind(&path).unwrap());
    let lock = fs::File::create(directory.path().join(".vm.qmp.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let started = Instant::now();
    let message = bind(&path).unwrap_err().to_string();
    assert!(message.contains("another program starts to listen there"), "{message}");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    // A lock that a killed program left is none.
    drop(lock);
    assert_serves(&bind(&path).unwrap());
}

#[test]
#[cfg(target_os = "linux")]
fn a_socket_that_does_not_listen_yet_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    let message = bind(&path).unwrap_err().to_string();
    assert!(message.contains("a server listens there already"), "{message}");
    socket.listen(1).unwrap();
    connect(&unix_address(&path), in_time()).unwrap();
    // Its connections do not keep the file alive.
    let _client = connect(&unix_address(&path), in_time()).unwrap();
    let _served = socket.accept().unwrap();
    drop(socket);
    assert_serves(&bind(&path).unwrap());
}

#[test]
fn a_live_socket_is_left_alone_and_its_server_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    let listener = bind(&path).unwrap();
    let message = bind(&path).unwrap_err().to_string();
    let start = format!("cannot listen on {}: ", unix_address(&path));
    assert!(message.starts_with(&start), "{message}");
    assert!(message.contains("listens there already; stop it"), "{message}");
    #[cfg(target_os = "linux")]
    assert!(message.contains(&format!("pid {} (", std::process::id())), "{message}");
    // The probe was a client too, and has left.
    drop(listener.accept(in_time()).unwrap());
    assert_serves(&listener);
}

#[test]
fn a_live_socket_with_a_full_queue_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    socket.listen(0).unwrap();
    let mut waiting = Vec::new();
    while let Ok(client) = connect(&unix_address(&path), soon()) {
        waiting.push(client);
    }
    let message = bind(&path).unwrap_err().to_string();
    assert!(message.contains("a server listens there already"), "{message}");
    assert!(path.exists());
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes");
    fs::write(&path, "keep").unwrap();
    let message = bind(&path).unwrap_err().to_string();
    assert!(message.contains("exists and is not a socket"), "{message}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "keep");
}

#[test]
fn a_file_that_took_our_place_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    let listener = bind(&path).unwrap();
    fs::rename(&path, directory.path().join("moved")).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    drop(listener);
    assert!(path.exists());
}

#[test]
fn of_many_who_replace_a_dead_socket_at_once_one_succeeds() {
    for _ in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vm.qmp");
        drop(UnixListener::bind(&path).unwrap());
        let listeners: Vec<_> = thread::scope(|scope| {
            let tries: Vec<_> = (0..4).map(|_| scope.spawn(|| bind(&path))).collect();
            tries.into_iter().filter_map(|bound| bound.join().unwrap().ok()).collect()
        });
        assert_eq!(listeners.len(), 1);
        connect(&unix_address(&path), in_time()).unwrap();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_path_longer_than_an_address_serves_and_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let deep = directory.path().join("d".repeat(200));
    fs::create_dir(&deep).unwrap();
    let path = deep.join("vm.qmp");
    let listener = bind(&path).unwrap();
    assert_serves(&listener);
    bind(&path).unwrap_err();
    drop(listener);
    assert!(!path.exists());

    let message = bind(&deep.join("n".repeat(120))).unwrap_err().to_string();
    assert!(message.contains("file's own name is too long"), "{message}");
}

#[test]
fn a_missing_directory_is_named() {
    let message = bind(Path::new("/nowhere/at/all/vm.qmp")).unwrap_err().to_string();
    assert!(message.contains("the directory /nowhere does not exist"), "{message}");
}

#[test]
fn any_free_tcp_port_is_taken_and_told() {
    let listener = Listener::bind("tcp::0").unwrap();
    let Address::Tcp { host, port } = listener.local_address() else { panic!("{listener:?}") };
    assert!(host == "127.0.0.1" || host == "::1", "{host}");
    assert_ne!(*port, 0);
    assert_serves(&listener);
}

#[test]
fn a_tcp_port_in_use_is_said_to_be_so() {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let message = Listener::bind(listener.local_address()).unwrap_err().to_string();
    assert!(message.contains("another program listens there"), "{message}");
}

#[test]
#[cfg(target_os = "linux")]
fn an_abstract_socket_serves_and_its_name_is_taken() {
    let address = format!("unix:@qmp-sockets-listen-{}", std::process::id());
    let listener = Listener::bind(&address).unwrap();
    assert_serves(&listener);
    let message = Listener::bind(&address).unwrap_err().to_string();
    assert!(message.contains("another program has that name"), "{message}");
}

#[test]
fn an_inherited_listening_socket_serves() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    let inherited = UnixListener::bind(&path).unwrap();
    let number = u32::try_from(inherited.as_raw_fd()).unwrap();
    let listener = Listener::bind(Address::Descriptor(number)).unwrap();
    let _client = connect(&unix_address(&path), in_time()).unwrap();
    listener.accept(in_time()).unwrap();
    // Its owner has it back as it was.
    let does_not_block = || socket2::SockRef::from(&inherited).nonblocking().unwrap();
    assert!(does_not_block());
    drop(listener);
    assert!(!does_not_block());

    let (connected, _) = std::os::unix::net::UnixStream::pair().unwrap();
    let number = u32::try_from(connected.as_raw_fd()).unwrap();
    let message = Listener::bind(Address::Descriptor(number)).unwrap_err().to_string();
    assert!(message.contains("not a listening socket"), "{message}");
}

#[test]
fn nobody_who_connects_is_a_timeout_with_the_option_for_qemu() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    let listener = bind(&path).unwrap();
    let started = Instant::now();
    let error = listener.accept(soon()).unwrap_err();
    assert!(started.elapsed() >= Duration::from_millis(90));
    assert!(error.is_timeout());
    let expected = format!("was QEMU started with -qmp {}?", listener.local_address());
    assert!(error.to_string().ends_with(&expected), "{error}");
    let would_block = listener.try_accept().unwrap_err();
    assert_eq!(would_block.kind(), io::ErrorKind::WouldBlock);
}
