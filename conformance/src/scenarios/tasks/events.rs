//! Subscriptions and event waits.

use std::time::Duration;

use qmp_driver::{CloseReason, ErrorKind, EventItem};
use qmp_types::QueryStatus;

use super::{Shared, join_all};
use crate::Target;
use crate::server::PLENTY;
use crate::subject::names;

/// A wait created before the command that causes the event cannot miss it.
pub async fn a_wait_created_before_the_command_misses_nothing<A: Shared>(target: Target<'_>) {
    let mut server = target.qemu();
    let qemu = server.connect(A::builder).await;
    let mut stops = qemu.events().named("STOP").subscribe();
    for _ in 0..50 {
        let resume = qemu.event().named("RESUME").timeout(PLENTY);
        let stop = stops.event().matching(|event| event.name() == "STOP").timeout(PLENTY);
        qemu.execute("cont").await.unwrap();
        qemu.execute("stop").await.unwrap();
        assert!(resume.await.unwrap().timestamp() <= stop.await.unwrap().timestamp());
    }
    assert!(names(stops.drain()).is_empty());
    let never = qemu.event().named("NEVER").timeout(Duration::from_millis(20));
    assert!(never.await.unwrap_err().is_timeout());
}

/// A subscription can be read to its end, and then has an end reason.
pub async fn a_subscription_ends_with_its_connection<A: Shared>(target: Target<'_>) {
    let mut server = target.qemu();
    let qemu = server.connect(A::builder).await;
    let mut events = qemu.events().subscribe();
    assert!(events.close_reason().is_none());
    qemu.execute("quit").await.unwrap();
    assert!(matches!(qemu.closed().await, CloseReason::Closed));
    server.ended();
    let shutdown = events.recv().await;
    assert!(matches!(shutdown, Some(EventItem::Event(event)) if event.name() == "SHUTDOWN"));
    assert!(events.recv().await.is_none());
    assert!(matches!(events.close_reason(), Some(CloseReason::Closed)));
}

/// A slow subscriber loses the oldest events, and gets their number.
pub async fn a_burst_of_events_is_complete_and_in_order<A: Shared>(target: Target<'_>) {
    const ROUNDS: usize = 500;
    let mut server = target.qemu();
    let qemu = server.connect(A::builder).await;
    let mut all = qemu.events().named("STOP").named("RESUME").subscribe();
    let mut slow = qemu.events().named("STOP").limits(16, 1 << 20).subscribe();
    let commands = (0..2 * ROUNDS).map(|at| qemu.execute(["cont", "stop"][at % 2]));
    assert!(join_all(commands).await.iter().all(Result::is_ok));
    let expected: Vec<_> = (0..2 * ROUNDS).map(|at| ["RESUME", "STOP"][at % 2]).collect();
    assert_eq!(names(all.drain()), expected);
    let lost = slow.event().await.unwrap_err();
    assert!(matches!(lost.kind(), ErrorKind::EventsLost { count: 484, .. }), "{lost:#?}");
    let text = lost.to_string();
    assert!(text.contains("484 events were not read in time and had to be dropped"), "{text}");
    assert!(text.contains("query the state that they would have told of"), "{text}");
    assert!(slow.drain().iter().all(|queued| matches!(queued, EventItem::Event(_))));
    assert!(!qemu.call(&QueryStatus::new()).await.unwrap().running);
}
