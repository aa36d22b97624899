//! How the socket is closed.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use qmp_tokio::{Client, CloseReason, SocketTransport};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::peer::{PLENTY, Peer};

const MOMENT: Duration = Duration::from_millis(200);

/// A client that is ready, its driver, and another handle to its socket, which keeps it open.
async fn connected(
    deadline: Duration,
    server: impl FnOnce(Peer) + Send + 'static,
) -> (Client, JoinHandle<CloseReason>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let clone = ours.try_clone().unwrap();
    thread::spawn(move || server(Peer::over(theirs)));
    let transport = SocketTransport::new(ours).unwrap();
    // There is no handshake, and so nothing but closing has this deadline.
    let builder = qmp_tokio::builder().negotiated().handshake_timeout(deadline);
    let (client, driver) = builder.build_over(transport, "peer").unwrap();
    let driver = tokio::spawn(driver);
    (client, driver, clone)
}

/// Sends a command whose answer is not awaited.
async fn send(client: &Client) {
    let sent = timeout(Duration::from_millis(1), client.execute("x")).await;
    assert!(sent.is_err() && client.in_flight() == 1);
}

#[tokio::test]
async fn the_last_client_closes_its_half_and_reads_until_the_server_has_answered_or_closed() {
    for answer in [true, false] {
        let (report, reports) = channel();
        let (client, driver, _clone) = connected(PLENTY, move |mut peer| {
            let command = peer.receive().unwrap();
            assert_eq!(peer.receive(), None, "our half is closed");
            // More than fits into the socket: it is read.
            let blanks = " ".repeat(1 << 20);
            report.send(peer.stream().write_all(blanks.as_bytes())).unwrap();
            if answer {
                peer.answer(&command, "{}");
                // It waits for the client, then.
                let _ = peer.stream().read(&mut [0]);
                thread::sleep(PLENTY);
            }
        })
        .await;
        send(&client).await;
        drop(client);
        let reason = timeout(PLENTY / 2, driver).await.unwrap().unwrap();
        assert!(matches!(reason, CloseReason::ByUs), "{reason:?}");
        reports.recv().unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_server_that_neither_answers_nor_closes_is_left_after_the_deadline() {
    let (client, driver, _clone) = connected(MOMENT, |mut peer| {
        while peer.receive().is_some() {}
        thread::sleep(PLENTY);
    })
    .await;
    send(&client).await;
    let started = Instant::now();
    drop(client);
    assert!(matches!(timeout(PLENTY / 2, driver).await.unwrap().unwrap(), CloseReason::ByUs));
    assert!(started.elapsed() >= MOMENT);
}

#[tokio::test]
async fn with_nothing_unanswered_the_connection_ends_at_once() {
    let (client, driver, _clone) = connected(PLENTY, |mut peer| {
        let message = peer.receive().unwrap();
        peer.answer(&message, "{}");
        while peer.receive().is_some() {}
        thread::sleep(PLENTY);
    })
    .await;
    client.execute("x").await.unwrap();
    drop(client);
    assert!(matches!(timeout(PLENTY / 2, driver).await.unwrap().unwrap(), CloseReason::ByUs));
}

/// Though another handle keeps the socket open.
#[tokio::test]
async fn an_abort_shuts_the_socket_down() {
    let (report, left) = channel();
    let (client, _driver, clone) = connected(PLENTY, move |mut peer| {
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
            [peer.receive(), peer.receive()]
        });
        let address = format!("fd:{}", ours.as_raw_fd());
        let (client, driver) = qmp_tokio::builder().connect_unspawned(address).await.unwrap();
        let driver = tokio::spawn(driver);
        client.ready().await.unwrap();
        send(&client).await;
        if abort {
            client.abort();
            timeout(PLENTY, driver).await.unwrap().unwrap();
        }
        drop(client);
        // Time for a driver that has begun to leave.
        tokio::time::sleep(MOMENT).await;
        (&ours).write_all(b"{\"execute\": \"of the owner\"}").unwrap();
        let received = tokio::task::spawn_blocking(|| server.join().unwrap()).await.unwrap();
        assert!(received[1].as_ref().unwrap().contains("of the owner"), "{received:?}");
    }
}
