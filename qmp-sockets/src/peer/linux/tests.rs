use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use std::{env, thread};

use rustix::process::{Pid, Signal, kill_process};

use super::*;
use crate::connect;
use crate::unix_address;

const PATH_FOR_CHILD: &str = "QMP_SOCKETS_TEST_LISTEN";

/// Listens and never accepts; runs in a process of its own, for the test below.
#[test]
fn child_that_listens() {
    if let Some(path) = env::var_os(PATH_FOR_CHILD) {
        let _listener = UnixListener::bind(path).unwrap();
        thread::sleep(Duration::from_secs(60));
    }
}

struct KilledOnDrop(Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn_listening_child(path: &Path) -> KilledOnDrop {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "peer::linux::tests::child_that_listens"])
        .env(PATH_FOR_CHILD, path)
        .stdout(std::process::Stdio::null())
        .spawn();
    KilledOnDrop(child.unwrap())
}

fn eventually<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(result) = attempt() {
            return result;
        }
        assert!(Instant::now() < give_up, "it never happens");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_stopped_server_is_named_with_the_command_that_resumes_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    let child = spawn_listening_child(&path);
    let socket = eventually(|| connect(&unix_address(&path), None).ok());
    let pid = child.0.id();

    let running = describe_silence(socket.as_fd());
    assert!(running.starts_with(&format!("pid {pid} (")), "{running}");
    assert!(running.contains("does not accept connections"), "{running}");

    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::STOP).unwrap();
    let stopped = eventually(|| {
        Some(describe_silence(socket.as_fd())).filter(|text| text.contains("stopped"))
    });
    let expected = format!("is stopped (SIGSTOP): resume it with kill -CONT {pid}");
    assert!(stopped.ends_with(&expected), "{stopped}");
}

#[test]
fn another_client_that_is_served_is_told_from_one_that_may_be() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    let listener = UnixListener::bind(&path).unwrap();
    let first = UnixStream::connect(&path).unwrap();
    let waiting = describe_silence(first.as_fd());
    assert!(waiting.contains("does not accept connections"), "{waiting}");

    let _served = listener.accept().unwrap();
    let alone = describe_silence(first.as_fd());
    assert!(alone.contains("has accepted the connection"), "{alone}");

    let second = UnixStream::connect(&path).unwrap();
    let behind = describe_silence(second.as_fd());
    let pid = std::process::id();
    assert!(behind.starts_with(&format!("pid {pid} (")), "{behind}");
    let both = format!(
        ", which is this process, is serving another client, which is another connection of this \
         process (pid {pid}), and QMP serves one client per socket"
    );
    assert!(behind.contains(&both), "{behind}");

    drop(first);
    let gone = describe_silence(second.as_fd());
    assert!(gone.contains("another client that has closed its connection"), "{gone}");
}

#[test]
fn the_process_of_the_other_client_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    let listener = UnixListener::bind(&path).unwrap();
    let first = UnixStream::connect(&path).unwrap();
    let _served = listener.accept().unwrap();
    let inherited =
        Command::new("sleep").arg("60").stdin(std::os::fd::OwnedFd::from(first)).spawn();
    let child = KilledOnDrop(inherited.unwrap());
    let second = UnixStream::connect(&path).unwrap();
    let text = describe_silence(second.as_fd());
    let named = format!("is serving another client, pid {} (", child.0.id());
    assert!(text.contains(&named), "{text}");
}

#[test]
fn clients_of_an_abstract_socket_are_counted_too() {
    use std::os::linux::net::SocketAddrExt;
    let name = format!("qmp sockets peer {}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    let first = UnixStream::connect_addr(&address).unwrap();
    let _served = listener.accept().unwrap();
    let second = UnixStream::connect_addr(&address).unwrap();
    assert_eq!(Clients::of(first.as_fd()), Some(Clients { served: 1, waiting: 1 }));
    assert!(matches!(OtherClient::of(second.as_fd()), OtherClient::Ours));
}

#[test]
fn a_tcp_peer_is_unknown_and_causes_are_listed() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let text = describe_silence(socket.as_fd());
    assert!(text.starts_with("the server is silent: another client may be"), "{text}");
}

#[test]
fn a_pair_of_our_own_does_not_name_ourselves() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let text = describe_silence(ours.as_fd());
    assert!(text.starts_with("the server is silent: another client may be"), "{text}");
}

#[test]
fn a_process_name_with_brackets_and_blanks_is_read() {
    let process = Process::from_stat(7, "7 (a) b (c) T 1 7 7").unwrap();
    assert_eq!((process.name.as_str(), process.state), ("a) b (c", 'T'));
    assert!(Process::from_stat(7, "nonsense").is_none());
}

#[test]
fn a_process_name_is_displayed_without_what_a_terminal_obeys() {
    let process = Process::from_stat(7, "7 (a\u{1b}]0;x\u{7}\n\u{9b}é') T 1 7 7").unwrap();
    assert_eq!(process.to_string(), r"pid 7 (a\u{1b}]0;x\u{7}\n\u{9b}é')");
}
