//! What the drop of a client leaves to the server.

use std::io::Read;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use qmp_blocking::{Builder, Client};

use crate::peer::{PLENTY, Peer, pair};

const MOMENT: Duration = Duration::from_millis(100);

/// A client of a server in a thread, which gives back what this returns.
fn served<T: Send + 'static>(
    builder: Builder,
    server: impl FnOnce(Peer) -> T + Send + 'static,
) -> (Client, mpsc::Receiver<T>) {
    let (sender, result) = mpsc::channel();
    let socket = pair(move |peer| {
        let _ = sender.send(server(peer));
    });
    (builder.connect_over(socket.0, "peer").unwrap(), result)
}

fn time_to_drop(client: Client) -> Duration {
    let begun = Instant::now();
    drop(client);
    begun.elapsed()
}

#[test]
fn with_nothing_unanswered_it_does_not_wait() {
    let (stop, stopped) = mpsc::channel::<()>();
    let (client, _) = served(qmp_blocking::builder(), move |mut peer| {
        peer.greet();
        let command = peer.receive();
        peer.answer(&command, "{}");
        let _ = stopped.recv();
    });
    client.execute("query").run().unwrap();
    let elapsed = time_to_drop(client);
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    drop(stop);
}

/// QEMU drops what it has not read when its client closes.
#[test]
fn the_server_reads_what_was_sent_and_can_still_answer() {
    const LONG: usize = 4 << 20;
    let (client, received) = served(qmp_blocking::builder(), |mut peer| {
        peer.greet();
        thread::sleep(MOMENT);
        let command = peer.receive();
        // This would fail if the client were gone.
        peer.answer(&command, &format!("\"{}\"", "y".repeat(LONG)));
        let end = peer.stream().read(&mut [0]).unwrap();
        (command.len(), end)
    });
    let long = "x".repeat(LONG);
    drop(client.execute("log").argument("text", &long).send().unwrap());
    drop(client);
    let (length, end) = received.recv_timeout(PLENTY).unwrap();
    assert!(length > LONG && end == 0);
}

#[test]
fn a_server_that_does_not_close_has_until_the_deadline_of_the_handshake() {
    let (stop, stopped) = mpsc::channel::<()>();
    let builder = qmp_blocking::builder().handshake_timeout(MOMENT);
    let (client, received) = served(builder, move |mut peer| {
        peer.greet();
        let command = peer.receive();
        let end = peer.stream().read(&mut [0]).unwrap();
        let _ = stopped.recv();
        (command, end)
    });
    drop(client.execute("query").send().unwrap());
    let elapsed = time_to_drop(client);
    assert!((MOMENT..PLENTY).contains(&elapsed), "{elapsed:?}");
    drop(stop);
    let (command, end) = received.recv_timeout(PLENTY).unwrap();
    assert!(command.contains("query") && end == 0);
}

/// An agent on a unix socket exits when a client leaves something unread.
#[test]
fn an_agent_has_a_moment_to_close() {
    let (stop, stopped) = mpsc::channel::<()>();
    let (agent, _) = served(qmp_blocking::builder().agent(), move |mut peer| {
        peer.sync();
        let command = peer.receive();
        peer.answer(&command, "{}");
        let _ = stopped.recv();
    });
    agent.execute("guest-ping").run().unwrap();
    let elapsed = time_to_drop(agent);
    assert!((Duration::from_millis(200)..Duration::from_secs(5)).contains(&elapsed), "{elapsed:?}");
    drop(stop);

    let (agent, end) = served(qmp_blocking::builder().agent(), move |mut peer| {
        peer.sync();
        peer.stream().read(&mut [0]).unwrap()
    });
    let elapsed = time_to_drop(agent);
    assert!(elapsed < PLENTY, "{elapsed:?}");
    assert_eq!(end.recv_timeout(PLENTY).unwrap(), 0);
}
