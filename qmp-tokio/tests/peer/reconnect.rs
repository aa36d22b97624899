//! Further connections of one client.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::pin::Pin;
use std::task::Poll;
use std::thread;

use futures_util::stream::{StreamExt, select_all};
use qmp_tokio::{
    Client, CloseReason, ErrorKind, Outcome, PersistentItem, State, TypedEvent, TypedPersistentItem,
};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::peer::{PLENTY, Peer, connect, event, pair};

/// Serves one client after another at the socket `qmp`, each like this.
fn serve(folder: &Path, mut serve: impl FnMut(usize, Peer) + Send + 'static) {
    let listener = UnixListener::bind(folder.join("qmp")).unwrap();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            serve(number, Peer::over(stream.unwrap()));
        }
    });
}

/// Greets, sends an event with its number before the first answer, and answers; `quit` is not
/// answered.
fn usual(number: usize, mut peer: Peer) {
    peer.greet();
    let mut stop = Some(event("STOP", number));
    while let Some(message) = peer.receive() {
        if message.contains("quit") {
            return;
        }
        peer.send(&stop.take().unwrap_or_default());
        peer.answer(&message, &number.to_string());
    }
}

async fn connected(serving: impl FnMut(usize, Peer) + Send + 'static) -> (TempDir, Client) {
    let folder = tempfile::tempdir().unwrap();
    serve(folder.path(), serving);
    let client = qmp_tokio::connect(folder.path().join("qmp")).await.unwrap();
    (folder, client)
}

async fn number(client: &Client) -> usize {
    client.execute("number").timeout(PLENTY).await.unwrap().decode().unwrap()
}

fn stop_number(item: &PersistentItem) -> usize {
    match item {
        PersistentItem::Event(event) => {
            event.decode::<serde_json::Value>().unwrap()["number"].as_u64().unwrap() as usize
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_subscription_ends_with_its_connection_and_a_persistent_one_is_told_of_each() {
    let (_folder, client) = connected(usual).await;
    let mut events = client.events().subscribe_persistent();
    let mut first = client.events().subscribe();
    let mut forgotten = client.events().named("RESUME").subscribe_persistent();
    for round in 0..5 {
        let mut plain = client.events().named("RESUME").subscribe();
        assert_eq!(number(&client).await, round);
        assert_eq!(stop_number(&events.try_recv().unwrap()), round);
        client.execute("quit").await.unwrap();
        client.closed().await;
        assert!(matches!(events.recv().await, Some(PersistentItem::Disconnected(_))));
        assert!(events.try_recv().is_none(), "nothing comes before the next connection");
        client.reconnect().await.unwrap();
        assert!(matches!(events.recv().await, Some(PersistentItem::Reconnected)));
        assert!(plain.event().await.unwrap_err().is_disconnected());
        assert!(plain.recv().await.is_none(), "it has ended with its connection");
        assert!(matches!(plain.close_reason(), Some(CloseReason::Closed)));
    }
    assert_eq!(first.drain().len(), 1, "nothing of later connections");
    let notices = forgotten.drain();
    assert!(
        matches!(notices[..], [PersistentItem::Disconnected(_), PersistentItem::Reconnected]),
        "one end and one beginning, however many there were: {notices:?}"
    );
    assert_eq!(number(&client).await, 5);
    drop(client);
    let rest: Vec<_> = timeout(PLENTY, events.collect()).await.unwrap();
    let [stop, PersistentItem::Disconnected(CloseReason::ByUs)] = &rest[..] else {
        panic!("{rest:?}")
    };
    assert_eq!(stop_number(stop), 5);
}

#[derive(Debug, serde::Deserialize)]
struct Stop {
    number: usize,
}

impl TypedEvent for Stop {
    const NAME: &'static str = "STOP";
}

#[tokio::test]
async fn a_typed_persistent_subscription_decodes_the_events_of_all_connections() {
    let (_folder, client) = connected(|number, mut peer| {
        peer.greet();
        let Some(first) = peer.receive() else { return };
        peer.send("{\"event\": \"RESUME\"}\r\n");
        peer.send("{\"event\": \"STOP\", \"data\": {\"number\": \"wrong\"}}\r\n");
        peer.send(&event("STOP", number));
        peer.answer(&first, "7");
        peer.receive();
    })
    .await;
    let mut queued = client.events().subscribe_persistent_to::<Stop>();
    let mut events = client.events().subscribe_persistent().of::<Stop>();
    for round in 0..3 {
        number(&client).await;
        for events in [&mut events, &mut queued] {
            let wrong = events.recv().await;
            assert!(
                matches!(&wrong, Some(TypedPersistentItem::Undecodable { event, error })
                    if event.name() == "STOP" && error.to_string().contains("number")),
                "{wrong:?}"
            );
            let Some(TypedPersistentItem::Event(stop)) = events.try_recv() else { panic!() };
            assert_eq!(stop.event.number, round);
            assert!(events.try_recv().is_none());
        }
        client.execute("quit").await.unwrap();
        client.closed().await;
        assert!(matches!(events.recv().await, Some(TypedPersistentItem::Disconnected(_))));
        client.reconnect().await.unwrap();
        assert!(matches!(events.recv().await, Some(TypedPersistentItem::Reconnected)));
        assert!(matches!(queued.recv().await, Some(TypedPersistentItem::Disconnected(_))));
        assert!(matches!(queued.recv().await, Some(TypedPersistentItem::Reconnected)));
    }
    drop(client);
    let rest: Vec<_> = timeout(PLENTY, events.collect()).await.unwrap();
    assert!(matches!(rest[..], [TypedPersistentItem::Disconnected(CloseReason::ByUs)]), "{rest:?}");
    let mut untyped = queued.into_inner();
    assert!(matches!(untyped.recv().await, Some(PersistentItem::Disconnected(_))));
}

/// Several clients in one stream: what has ended leaves it, and what goes on stays in it.
#[tokio::test]
async fn subscriptions_of_several_clients_are_selected_from_over_reconnections() {
    let (_one, one) = connected(usual).await;
    let (_other, other) = connected(usual).await;
    let clients = [&one, &other];
    let mut persistent =
        select_all(clients.map(|client| client.events().named("X").subscribe_persistent()));
    let plain = select_all(clients.map(|client| client.events().named("X").subscribe()));
    for client in clients {
        client.execute("quit").await.unwrap();
        client.closed().await;
    }
    let plain: Vec<_> = timeout(PLENTY, plain.collect()).await.unwrap();
    assert!(plain.is_empty(), "all have ended: {plain:?}");
    for _ in 0..3 {
        for _ in clients {
            let item = timeout(PLENTY, persistent.next()).await.unwrap();
            assert!(matches!(item, Some(PersistentItem::Disconnected(_))), "{item:?}");
        }
        for client in clients {
            client.reconnect().await.unwrap();
            let item = timeout(PLENTY, persistent.next()).await.unwrap();
            assert!(matches!(item, Some(PersistentItem::Reconnected)), "{item:?}");
        }
        for client in clients {
            client.execute("quit").await.unwrap();
            client.closed().await;
        }
    }
    drop((one, other));
    let rest: Vec<_> = timeout(PLENTY, persistent.collect()).await.unwrap();
    assert_eq!(rest.len(), 2, "each ends once more, and with its client: {rest:?}");
}

#[tokio::test]
async fn what_was_under_way_fails_and_is_not_sent_again() {
    let (_folder, client) = connected(|number, mut peer| {
        peer.greet();
        if number == 0 {
            // All 64 are read, and none is answered.
            (0..64).for_each(|_| drop(peer.receive()));
            return;
        }
        while let Some(message) = peer.receive() {
            assert!(message.contains("number"), "{message}");
            peer.answer(&message, "1");
        }
    })
    .await;
    let commands: tokio::task::JoinSet<_> = (0..70).map(|_| client.execute("x")).collect();
    let wait = client.event().timeout(PLENTY);
    client.closed().await;
    client.reconnect().await.unwrap();
    let results = timeout(PLENTY, commands.join_all()).await.unwrap();
    let unknown = results.into_iter().map(|result| {
        let error = result.unwrap_err();
        assert!(error.is_disconnected(), "{error}");
        error.outcome() == Outcome::Unknown
    });
    assert_eq!(unknown.filter(|unknown| *unknown).count(), 64);
    let error = wait.await.unwrap_err();
    assert!(error.is_disconnected(), "events of the new connection do not count: {error}");
    assert_eq!(number(&client).await, 1);
    assert_eq!(client.in_flight(), 0);
}

/// Polls once.
async fn is_pending(mut future: impl Future + Unpin) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut future).poll(cx).is_pending())).await
}

/// Futures of the last connection are dropped, with ids that are in use on the new one.
#[tokio::test]
async fn futures_of_the_last_connection_do_not_touch_the_new_one() {
    let (_folder, client) = connected(|number, mut peer| {
        peer.greet();
        let first = peer.receive();
        if number == 0 {
            return;
        }
        let second = peer.receive().unwrap();
        peer.answer(&first.unwrap(), "1");
        peer.answer(&second, "1");
        while peer.receive().is_some() {}
    })
    .await;
    let mut old = Box::pin(client.execute("x"));
    assert!(is_pending(&mut old).await);
    client.closed().await;
    client.reconnect().await.unwrap();
    let mut new = Box::pin(client.execute("number"));
    assert!(is_pending(&mut new).await);
    drop(old);
    assert_eq!(client.in_flight(), 1);
    assert_eq!(number(&client).await, 1);
    assert_eq!(new.await.unwrap().decode::<u8>().unwrap(), 1);
}

#[tokio::test]
async fn many_may_reconnect_at_once_and_one_connection_is_used() {
    let (_folder, client) = connected(usual).await;
    for _ in 0..20 {
        client.execute("quit").await.unwrap();
        let all: tokio::task::JoinSet<_> = (0..8)
            .map(|_| {
                let client = client.clone();
                async move { client.reconnect().await.map(|()| client) }
            })
            .collect();
        for client in timeout(PLENTY, all.join_all()).await.unwrap() {
            number(&client.unwrap()).await;
        }
    }
}

#[tokio::test]
async fn the_state_of_the_new_connection_is_told_to_who_watched_the_last() {
    let (_folder, client) = connected(usual).await;
    client.execute("quit").await.unwrap();
    client.closed().await;
    let watcher = client.clone();
    let state = watcher.state();
    assert!(matches!(state, State::Closed(CloseReason::Closed)), "{state:?}");
    let watch = tokio::spawn(async move {
        let mut state = state;
        while !matches!(state, State::Ready) {
            state = watcher.state_after(&state).await;
        }
    });
    tokio::task::yield_now().await;
    client.reconnect().await.unwrap();
    timeout(PLENTY, watch).await.unwrap().unwrap();
}

#[tokio::test]
async fn when_nobody_listens_it_can_be_tried_again() {
    let (folder, client) = connected(usual).await;
    client.execute("quit").await.unwrap();
    client.closed().await;
    std::fs::rename(folder.path().join("qmp"), folder.path().join("away")).unwrap();
    let error = client.reconnect().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connect(_)), "{error:?}");
    assert!(matches!(client.state(), State::Closed(CloseReason::Closed)));
    let error = client.execute("x").await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    std::fs::rename(folder.path().join("away"), folder.path().join("qmp")).unwrap();
    client.reconnect().await.unwrap();
    assert_eq!(number(&client).await, 1);
}

#[tokio::test]
async fn a_connection_that_stands_is_left_alone() {
    let (_folder, client) = connected(usual).await;
    client.reconnect().await.unwrap();
    assert_eq!(number(&client).await, 0);
    let transport = pair(|peer| usual(7, peer));
    let builder = qmp_tokio::builder().reconnecting(&client);
    let error = builder.connect_over(transport, "other").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::StillConnected), "{error:?}");
    assert_eq!(number(&client).await, 0);
}

#[tokio::test]
async fn any_stream_can_take_the_place() {
    let client = connect(|mut peer| while peer.receive().is_some() {}).await;
    client.abort();
    let error = client.reconnect().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoAddress), "{error:?}");
    let transport = pair(|peer| usual(7, peer));
    let same =
        qmp_tokio::builder().reconnecting(&client).connect_over(transport, "other").await.unwrap();
    assert_eq!((number(&client).await, number(&same).await), (7, 7));
    assert_eq!(&*client.peer(), "other");
}

#[tokio::test]
async fn a_listener_serves_the_same_client_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("qmp");
    let listener = qmp_tokio::Listener::bind(&path).await.unwrap();
    let dial = |number| {
        let path = path.clone();
        thread::spawn(move || {
            // Somebody who only looks whether anybody listens.
            drop(std::os::unix::net::UnixStream::connect(&path).unwrap());
            usual(number, Peer::over(std::os::unix::net::UnixStream::connect(&path).unwrap()));
        })
    };
    dial(0);
    let client = qmp_tokio::builder().accept(&listener).await.unwrap();
    let mut events = client.events().named("STOP").subscribe_persistent();
    for round in 1..4 {
        client.execute("quit").await.unwrap();
        client.closed().await;
        dial(round);
        qmp_tokio::builder().reconnecting(&client).accept(&listener).await.unwrap();
        assert_eq!(number(&client).await, round);
    }
    let notices = events.drain();
    let notices = notices.iter().filter(|it| matches!(it, PersistentItem::Reconnected));
    assert_eq!(notices.count(), 3);
}
