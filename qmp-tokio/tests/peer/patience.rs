//! A reader of events who keeps up is waited for, for a moment.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use qmp_tokio::driver::{BorrowedDescriptor, Transport};
use qmp_tokio::{Client, EventItem, SocketTransport};
use tokio::time::{sleep, timeout};

use crate::peer::{PLENTY, Peer, event, pair};

/// More than a queue holds.
const FLOOD: usize = 6000;
const KEPT: usize = 4096;

/// A socket with a clock that stands still.
#[derive(Debug)]
struct Timeless(SocketTransport, Instant);

impl Transport for Timeless {
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

    fn poll_until(&self, _: &mut Context<'_>, _: Instant) -> Poll<()> {
        Poll::Pending
    }

    fn now(&self) -> Instant {
        self.1
    }
}

/// Answers a command, and then says more than anybody has asked for.
fn flood(mut peer: Peer) {
    peer.greet();
    let message = peer.receive().unwrap();
    peer.answer(&message, "{}");
    for at in 0..FLOOD {
        peer.send(&event("NOISE", at));
    }
    while let Some(message) = peer.receive() {
        peer.answer(&message, "{}");
    }
}

async fn timeless() -> Client {
    let transport = Timeless(pair(flood), Instant::now());
    qmp_tokio::builder().connect_over(transport, "peer").await.unwrap()
}

/// How many events come, and how many are said to be lost, until there were so many.
async fn count(events: &mut qmp_tokio::Subscription) -> (usize, usize) {
    let (mut came, mut lost) = (0, 0);
    while came + lost < FLOOD {
        match timeout(PLENTY, events.recv()).await.unwrap().unwrap() {
            EventItem::Event(_) => came += 1,
            EventItem::Lagged(count) => lost += count as usize,
            other => panic!("{other:?}"),
        }
    }
    (came, lost)
}

#[tokio::test]
async fn a_reader_who_takes_what_there_is_in_time_loses_nothing() {
    let client = timeless().await;
    let mut events = client.events().subscribe();
    client.execute("flood").await.unwrap();
    // Long enough for all of it to be read, if nobody waited.
    sleep(Duration::from_millis(100)).await;
    assert_eq!(count(&mut events).await, (FLOOD, 0));
}

#[tokio::test]
async fn an_answer_is_not_held_up_by_a_reader_who_is_waited_for() {
    let client = timeless().await;
    let mut events = client.events().subscribe();
    client.execute("flood").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    // It comes behind all of the events.
    timeout(PLENTY, client.execute("after")).await.unwrap().unwrap();
    assert_eq!(count(&mut events).await, (KEPT, FLOOD - KEPT));
}

#[tokio::test]
async fn a_reader_who_takes_nothing_is_waited_for_once() {
    let client = qmp_tokio::builder().connect_over(pair(flood), "peer").await.unwrap();
    let mut events = client.events().subscribe();
    let mut forgotten = client.events().subscribe();
    let mut latest = client.events().limits(1, 1 << 20).subscribe();
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    client.watch_wire(move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    client.execute("flood").await.unwrap();
    let started = Instant::now();
    // The command and its answer were on the wire, too.
    while seen.load(Ordering::Relaxed) < FLOOD + 2 {
        assert!(started.elapsed() < PLENTY, "{seen:?}");
        sleep(Duration::from_millis(1)).await;
    }
    for _ in 0..2 {
        assert_eq!(count(&mut events).await, (KEPT, FLOOD - KEPT));
        std::mem::swap(&mut events, &mut forgotten);
    }
    assert_eq!(count(&mut latest).await, (1, FLOOD - 1));
}
