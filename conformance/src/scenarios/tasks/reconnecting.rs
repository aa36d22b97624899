//! A client with one connection after the other.

use qmp_driver::{Disconnect, Launch, Queued};

use super::{Shared, compute, poll_and_drop};
use crate::scenarios::starting::late;
use crate::server::{LIGHT, PLENTY, Suite};
use crate::subject::names;

/// Clones and subscriptions go on, with a new connection.
pub async fn a_client_reconnects_to_the_same_server_and_to_the_next<A: Shared>(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.connect(A::builder).await;
    let mut events = qemu.events().named("SHUTDOWN").subscribe();
    for number in 0..5 {
        // Answers to these may come before the greeting's negotiation is answered.
        for _ in 0..number {
            poll_and_drop(qemu.execute("query-version").into_future(), 0).await;
        }
        qemu.abort();
        qemu.reconnect().await.unwrap();
        compute(&qemu, number).await.unwrap();
    }
    assert!(matches!(events.drain()[..], [Queued::Reconnected]));
    qemu.execute("quit").await.unwrap();
    assert!(matches!(qemu.closed().await, Disconnect::Closed));
    assert_eq!(names(&mut events), ["SHUTDOWN"]);
    let launch = Launch::qemu(suite.path("qemu-system-x86_64")).args(LIGHT.split(' '));
    let next = A::builder().handshake_deadline(PLENTY).reconnecting(&qemu);
    let (_, mut process) = next.launch(launch).await.unwrap();
    compute(&qemu, 7).await.unwrap();
    qemu.execute("quit").await.unwrap();
    qemu.closed().await;
    assert_eq!(names(&mut events), ["reconnected", "SHUTDOWN"]);
    assert!(process.wait().unwrap().success());
}

/// Where it was to be found once it listened, the next connection is made to.
pub async fn a_client_reconnects_to_a_server_that_it_waited_for<A: Shared>(suite: &Suite) {
    let (mut server, qemu) = late::<A>(suite).await;
    compute(&qemu, 7).await.unwrap();
    qemu.abort();
    qemu.reconnect().await.unwrap();
    qemu.execute("quit").await.unwrap();
    assert!(matches!(qemu.closed().await, Disconnect::Closed));
    assert!(server.ended().success());
}
