//! When a connection's timer is set, and when it is given up.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use qmp_tokio::Outcome;
use qmp_tokio::driver::{BorrowedDescriptor, Transport};
use qmp_tokio::{Client, SocketTransport};

use crate::peer::{PLENTY, Peer, pair};

/// What a timer was set to since it was given up last.
type Set = Arc<Mutex<BTreeSet<Instant>>>;

/// A socket whose timer is watched.
#[derive(Debug)]
struct Watched(SocketTransport, Set);

impl Transport for Watched {
    fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        self.0.poll_read(cx, room)
    }

    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        descriptor: Option<BorrowedDescriptor<'_>>,
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, bytes, descriptor)
    }

    fn poll_until(&self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.1.lock().unwrap().insert(deadline);
        self.0.poll_until(cx, deadline)
    }

    fn forget_deadline(&self) {
        self.1.lock().unwrap().clear();
        self.0.forget_deadline();
    }
}

async fn connect(server: impl FnOnce(Peer) + Send + 'static) -> (Client, Set) {
    let socket = pair(|mut peer| {
        peer.greet();
        server(peer);
    });
    let set = Set::default();
    let transport = Watched(socket, Arc::clone(&set));
    let client = qmp_tokio::builder().connect_over(transport, "peer").await.unwrap();
    // Its driver has gone to sleep.
    while client.in_flight() > 0 {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    (client, set)
}

#[tokio::test]
async fn a_connection_that_is_ready_has_no_timer() {
    let (client, set) = connect(Peer::echo).await;
    assert!(set.lock().unwrap().is_empty());
    client.execute("x").argument("number", 1).await.unwrap();
    assert!(set.lock().unwrap().is_empty());
}

#[tokio::test]
async fn commands_with_deadlines_share_a_timer() {
    let (client, set) = connect(Peer::echo).await;
    for number in 0..100 {
        client.execute("x").argument("number", number).timeout(PLENTY).await.unwrap();
    }
    assert_eq!(set.lock().unwrap().len(), 1);
}

/// A timer that was set for one that was answered rings early, and is set anew.
#[tokio::test]
async fn a_deadline_behind_a_timer_that_is_set_already_passes_in_time() {
    let (client, _) = connect(|mut peer| {
        let first = peer.receive().unwrap();
        peer.answer(&first, "1");
        while peer.receive().is_some() {}
    })
    .await;
    let moment = Duration::from_millis(100);
    client.execute("answered").timeout(moment).await.unwrap();
    let started = Instant::now();
    let error = client.execute("not").timeout(moment * 3).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!((moment * 3..PLENTY).contains(&started.elapsed()), "{:?}", started.elapsed());
}
