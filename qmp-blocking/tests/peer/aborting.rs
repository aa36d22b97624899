//! A connection that another thread ends.

use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use qmp_blocking::{Client, CloseReason, Error, ErrorKind, Outcome};

use crate::peer::{PLENTY, Peer, connect};

/// Calls this while another thread aborts the connection, and sees that it does not wait any longer.
fn aborted<T>(client: &Client, wait: impl FnOnce(&Client) -> T) -> T {
    let handle = client.abort_handle();
    let begun = Instant::now();
    let ended = thread::scope(|scope| {
        scope.spawn(move || {
            thread::sleep(Duration::from_millis(50));
            handle.abort();
        });
        wait(client)
    });
    let elapsed = begun.elapsed();
    assert!((Duration::from_millis(50)..PLENTY / 2).contains(&elapsed), "{elapsed:?}");
    assert!(matches!(client.closed(), CloseReason::ByUs));
    ended
}

/// A server that reads this many commands, and then nothing.
fn silent_after(commands: usize) -> Client {
    connect(move |mut peer| {
        for _ in 0..commands {
            peer.receive();
        }
        thread::sleep(PLENTY);
    })
}

fn assert_by_us(error: &Error, outcome: Outcome) {
    let by_us = CloseReason::ByUs;
    assert!(
        matches!(error.kind(), ErrorKind::Disconnected { reason, .. }
            if std::mem::discriminant(reason) == std::mem::discriminant(&by_us)),
        "{error:?}"
    );
    assert_eq!(error.outcome(), outcome, "{error}");
}

#[test]
fn a_command_ends_with_an_unknown_outcome() {
    let client = silent_after(1);
    let sent = client.execute("query").send().unwrap();
    assert_by_us(&aborted(&client, |_| sent.recv().unwrap_err()), Outcome::Unknown);
    assert_by_us(&client.execute("next").run().unwrap_err(), Outcome::NotSent);
    client.abort_handle().abort();
}

#[test]
fn a_command_with_a_deadline_ends() {
    let client = silent_after(1);
    let sent = client.execute("query").timeout(PLENTY).send().unwrap();
    assert_by_us(&aborted(&client, |_| sent.recv().unwrap_err()), Outcome::Unknown);
}

#[test]
fn a_command_ends_that_the_server_does_not_read() {
    let client = silent_after(0);
    let long = "x".repeat(2 << 20);
    let sent = client.execute("log").argument("text", &long).send().unwrap();
    assert_by_us(&aborted(&client, |_| sent.recv().unwrap_err()), Outcome::Unknown);
}

#[test]
fn a_command_ends_that_waits_for_a_free_slot() {
    let client = silent_after(0);
    for _ in 0..64 {
        drop(client.execute("query").send().unwrap());
    }
    let error = aborted(&client, |client| client.execute("next").send().unwrap_err());
    assert_by_us(&error, Outcome::NotSent);
}

#[test]
fn waits_for_events_end() {
    let client = silent_after(0);
    assert_by_us(&aborted(&client, |client| client.event().run().unwrap_err()), Outcome::NotSent);
    let client = silent_after(0);
    let mut events = client.events().subscribe();
    assert!(aborted(&client, |_| events.recv()).is_none());
    let client = silent_after(0);
    assert!(matches!(aborted(&client, Client::closed), CloseReason::ByUs));
}

/// It cannot be shut down, for its owner may go on using it.
#[test]
fn a_wait_on_an_inherited_socket_ends() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut peer = Peer::new(theirs);
    let serving = thread::spawn(move || {
        peer.greet();
        peer
    });
    let client = qmp_blocking::connect(format!("fd:{}", ours.as_raw_fd()).as_str()).unwrap();
    let mut peer = serving.join().unwrap();
    assert_by_us(&aborted(&client, |client| client.event().run().unwrap_err()), Outcome::NotSent);
    drop(client);
    peer.stream().set_nonblocking(true).unwrap();
    let open = peer.stream().read(&mut [0]).unwrap_err();
    assert_eq!(open.kind(), std::io::ErrorKind::WouldBlock, "the owner's end is open");
}
