//! How the socket is closed.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use qmp_tokio::{Client, Disconnect, SocketTransport};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::peer::{PLENTY, Peer};

const MOMENT: Duration = Duration::from_millis(200);

/// A client that is ready, its driver, and another handle to its socket, which keeps it open.
async fn connected(
    server: impl FnOnce(Peer) + Send + 'static,
) -> (Client, JoinHandle<Disconnect>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let clone = ours.try_clone().unwrap();
    thread::spawn(move || {
        let mut peer = Peer::over(theirs);
        peer.greet();
        server(peer);
    });
    let transport = SocketTransport::new(ours).unwrap();
    let builder = qmp_tokio::builder().handshake_deadline(MOMENT);
    let (client, driver) = builder.open_over(transport, "peer").unwrap();
    let driver = tokio::spawn(driver);
    client.ready().await.unwrap();
    (client, driver, clone)
}

/// Sends a command whose answer is not awaited.
async fn send(client: &Client) {
    let sent = timeout(Duration::from_millis(1), client.execute("x")).await;
    assert!(sent.is_err() && client.in_flight() == 1);
}

#[tokio::test]
async fn the_last_client_closes_its_half_and_reads_until_the_server_closes() {
    let (report, reports) = channel();
    let (client, driver, _clone) = connected(move |mut peer| {
        let command = peer.receive().unwrap();
        assert_eq!(peer.receive(), None, "our half is closed");
        peer.answer(&command, "{}");
        // Still connected: it is read.
        let long = " ".repeat(1 << 20);
        report.send(peer.stream().write_all(long.as_bytes())).unwrap();
    })
    .await;
    send(&client).await;
    let started = Instant::now();
    drop(client);
    let reason = timeout(PLENTY, driver).await.unwrap().unwrap();
    assert!(matches!(reason, Disconnect::ByUs), "{reason:?}");
    let _ = (started, reports.recv_timeout(PLENTY).unwrap());
}

#[tokio::test]
async fn a_server_that_does_not_close_is_left_after_the_deadline() {
    let (client, driver, _clone) = connected(|mut peer| {
        while peer.receive().is_some() {}
        thread::sleep(PLENTY);
    })
    .await;
    send(&client).await;
    let started = Instant::now();
    drop(client);
    assert!(matches!(timeout(PLENTY / 2, driver).await.unwrap().unwrap(), Disconnect::ByUs));
    assert!(started.elapsed() >= MOMENT);
}

#[tokio::test]
async fn with_nothing_unanswered_the_connection_ends_at_once() {
    let (client, driver, _clone) = connected(|mut peer| {
        let message = peer.receive().unwrap();
        peer.answer(&message, "{}");
        while peer.receive().is_some() {}
        thread::sleep(PLENTY);
    })
    .await;
    client.execute("x").await.unwrap();
    let started = Instant::now();
    drop(client);
    assert!(matches!(driver.await.unwrap(), Disconnect::ByUs));
    assert!(started.elapsed() < MOMENT, "{:?}", started.elapsed());
}

/// Though another handle keeps the socket open.
#[tokio::test]
async fn an_abort_shuts_the_socket_down() {
    let (report, left) = channel();
    let (client, _driver, clone) = connected(move |mut peer| {
        report.send(peer.receive()).unwrap();
        thread::sleep(PLENTY);
    })
    .await;
    client.abort();
    assert_eq!(left.recv_timeout(PLENTY).unwrap(), None);
    assert_eq!((&clone).read(&mut [0]).unwrap(), 0, "both halves");
}

/// It belongs to whoever owns the descriptor.
#[tokio::test]
async fn a_socket_that_was_inherited_is_never_shut_down() {
    for abort in [true, false] {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let server = thread::spawn(move || {
            let mut peer = Peer::over(theirs);
            peer.greet();
            let unanswered = peer.receive().unwrap();
            let later = peer.receive().unwrap();
            (unanswered, later)
        });
        let builder = qmp_tokio::builder().handshake_deadline(MOMENT);
        let client = builder.connect(format!("fd:{}", ours.as_raw_fd())).await.unwrap();
        send(&client).await;
        if abort {
            client.abort();
        }
        let watcher = client.abort_handle();
        drop(client);
        // Longer than it takes to leave.
        tokio::time::sleep(2 * MOMENT).await;
        drop(watcher);
        (&ours).write_all(b"{\"execute\": \"of the owner\"}").unwrap();
        let (_, later) = tokio::task::spawn_blocking(|| server.join().unwrap()).await.unwrap();
        assert!(later.contains("of the owner"), "{later}");
    }
}
