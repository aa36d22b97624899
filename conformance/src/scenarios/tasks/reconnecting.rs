//! A client with several connections, one after another.

use qmp_driver::{
    CloseReason, Launch, PersistentItem, PersistentSubscription, TypedPersistentItem,
    TypedPersistentSubscription,
};
use qmp_types::ShutdownCause;
use qmp_types::events::Shutdown;

use super::{Shared, compute, poll_and_drop};
use crate::scenarios::starting::late;
use crate::server::{LIGHT, PLENTY, Suite};

const BY_US: &str = "the connection was closed on this side";
const CLOSED: &str = "the server closed the connection";

/// Clones and subscriptions continue with the new connection.
pub async fn a_client_reconnects_to_the_same_server_and_to_the_next<A: Shared>(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.connect(A::builder).await;
    let mut events = qemu.events().named("SHUTDOWN").subscribe_persistent();
    let mut typed = qemu.events().subscribe_persistent_to::<Shutdown>();
    for number in 0..5 {
        // Replies to these may arrive before the reply to the negotiation.
        for _ in 0..number {
            poll_and_drop(qemu.execute("query-version"), 0).await;
        }
        qemu.abort();
        qemu.reconnect().await.unwrap();
        compute(&qemu, number).await.unwrap();
    }
    assert_eq!(items(&mut events), [BY_US, "reconnected"]);
    qemu.execute("quit").await.unwrap();
    assert!(matches!(qemu.closed().await, CloseReason::Closed));
    assert_eq!(items(&mut events), ["SHUTDOWN", CLOSED]);
    let quit = ShutdownCause::HostQmpQuit;
    assert_eq!(typed_items(&mut typed), [BY_US, "reconnected", quit.as_str(), CLOSED]);
    let launch = Launch::qemu(suite.path("qemu-system-x86_64")).args(LIGHT.split(' '));
    let next = A::builder().handshake_timeout(PLENTY).reconnecting(&qemu);
    let (_, mut process) = next.launch(launch).await.unwrap();
    compute(&qemu, 7).await.unwrap();
    qemu.execute("quit").await.unwrap();
    qemu.closed().await;
    assert_eq!(items(&mut events), ["reconnected", "SHUTDOWN", CLOSED]);
    assert_eq!(typed_items(&mut typed), ["reconnected", quit.as_str(), CLOSED]);
    assert!(process.wait().unwrap().success());
}

fn items(events: &mut PersistentSubscription) -> Vec<String> {
    let text = |item: PersistentItem| match item {
        PersistentItem::Event(event) => event.name().to_owned(),
        PersistentItem::Lagged(count) => format!("{count} lagged"),
        PersistentItem::Disconnected(reason) => reason.to_string(),
        PersistentItem::Reconnected => "reconnected".to_owned(),
        other => panic!("{other:?}"),
    };
    events.drain().into_iter().map(text).collect()
}

fn typed_items(events: &mut TypedPersistentSubscription<Shutdown>) -> Vec<String> {
    let text = |item: TypedPersistentItem<Shutdown>| match item {
        TypedPersistentItem::Event(shutdown) => shutdown.event.reason.to_string(),
        TypedPersistentItem::Disconnected(reason) => reason.to_string(),
        TypedPersistentItem::Reconnected => "reconnected".to_owned(),
        other => panic!("{other:?}"),
    };
    std::iter::from_fn(|| events.try_recv()).map(text).collect()
}

/// The client reconnects to the address at which the server finally listened.
pub async fn a_client_reconnects_to_a_server_that_it_waited_for<A: Shared>(suite: &Suite) {
    let (mut server, qemu) = late::<A>(suite).await;
    compute(&qemu, 7).await.unwrap();
    qemu.abort();
    qemu.reconnect().await.unwrap();
    qemu.execute("quit").await.unwrap();
    assert!(matches!(qemu.closed().await, CloseReason::Closed));
    assert!(server.ended().success());
}
