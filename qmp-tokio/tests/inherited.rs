//! An inherited socket belongs to the owner of its file descriptor.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::thread;

use qmp_tokio::CloseReason;
use rustix::fs::{OFlags, fcntl_getfl};

const GREETING: &str = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";

#[test]
fn the_blocking_mode_of_an_inherited_socket_is_not_changed() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let server = thread::spawn(move || {
        theirs.write_all(GREETING.as_bytes()).unwrap();
        for _ in ["negotiation", "command"] {
            let mut values = serde_json::Deserializer::from_reader(&theirs).into_iter();
            let command: serde_json::Value = values.next().unwrap().unwrap();
            let reply = format!("{{\"return\": {{}}, \"id\": {}}}\r\n", command["id"]);
            theirs.write_all(reply.as_bytes()).unwrap();
        }
        theirs
    });
    let blocks = || !fcntl_getfl(&ours).unwrap().contains(OFlags::NONBLOCK);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = qmp_tokio::connect(format!("fd:{}", ours.as_raw_fd())).await.unwrap();
        assert!(blocks());
        client.execute("stop").await.unwrap();
        assert!(blocks());
        client.abort();
        assert!(matches!(client.closed().await, CloseReason::ByUs));
    });
    drop(runtime);
    assert!(blocks());
    // The owner goes on with it.
    let mut theirs = server.join().unwrap();
    (&ours).write_all(b"x").unwrap();
    theirs.read_exact(&mut [0]).unwrap();
}
