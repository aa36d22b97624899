//! A socket that the process has inherited belongs to whatever else holds it.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use qmp_blocking::CloseReason;

const GREETING: &str = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";

/// Another thread ends the wait all the same, and the owner can use the socket afterwards.
#[test]
fn an_abort_ends_a_wait_and_leaves_the_socket_to_its_owner() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let server = thread::spawn(move || {
        (&theirs).write_all(GREETING.as_bytes()).unwrap();
        let mut input = BufReader::new(&theirs);
        let mut negotiation = Vec::new();
        input.read_until(b'}', &mut negotiation).unwrap();
        let negotiation: serde_json::Value = serde_json::from_slice(&negotiation).unwrap();
        write!(&theirs, "{{\"return\": {{}}, \"id\": {}}}\r\n", negotiation["id"]).unwrap();
        let mut line = String::new();
        input.read_line(&mut line).unwrap();
        line
    });
    let client = qmp_blocking::connect(format!("fd:{}", ours.as_raw_fd())).unwrap();
    let handle = client.abort_handle();
    let abort = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        handle.abort();
    });
    let started = Instant::now();
    assert!(client.event().run().unwrap_err().is_disconnected());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(matches!(client.closed(), CloseReason::ByUs));
    abort.join().unwrap();
    drop(client);
    (&ours).write_all(b"the owner goes on\n").unwrap();
    assert!(server.join().unwrap().contains("the owner goes on"));
}
