//! Further connections of one client.

use std::future::IntoFuture;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::pin::Pin;
use std::task::Poll;
use std::thread;

use qmp_tokio::{Cause, Client, Disconnect, EventItem, Outcome, State};
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

/// Greets, sends an event with its number, and answers; `quit` is not answered.
fn usual(number: usize, mut peer: Peer) {
    peer.greet();
    peer.send(&event("STOP", number));
    while let Some(message) = peer.receive() {
        if message.contains("quit") {
            return;
        }
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
    client.execute("number").deadline(PLENTY).await.unwrap().decode().unwrap()
}

#[tokio::test]
async fn subscriptions_stay_and_are_told() {
    let (_folder, client) = connected(usual).await;
    let mut events = client.events().subscribe();
    let mut forgotten = client.events().named("RESUME").subscribe();
    for round in 0..5 {
        assert_eq!(number(&client).await, round);
        let Some(EventItem::Event(stop)) = events.recv().await else { panic!() };
        assert_eq!(stop.decode::<serde_json::Value>().unwrap()["number"], round);
        client.execute("quit").await.unwrap();
        assert!(events.recv().await.is_none(), "it ends with the connection");
        client.reconnect().await.unwrap();
        assert!(matches!(events.recv().await, Some(Queued::Reconnected)));
    }
    assert!(matches!(forgotten.drain()[..], [Queued::Reconnected]), "told once however often");
    assert!(events.end_reason().is_none());
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
    let commands: tokio::task::JoinSet<_> =
        (0..70).map(|_| client.execute("x").into_future()).collect();
    let wait = client.event().deadline(PLENTY);
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
    let mut old = Box::pin(client.execute("x").into_future());
    assert!(is_pending(&mut old).await);
    client.closed().await;
    client.reconnect().await.unwrap();
    let mut new = Box::pin(client.execute("number").into_future());
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
    assert!(matches!(state, State::Closed(Disconnect::Closed)), "{state:?}");
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
    assert!(matches!(error.cause(), Cause::Connect(_)), "{error:?}");
    assert!(matches!(client.state(), State::Closed(Disconnect::Closed)));
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
    let error = builder.over(transport, "other").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::StillConnected), "{error:?}");
    assert_eq!(number(&client).await, 0);
}

#[tokio::test]
async fn any_stream_can_take_the_place() {
    let client = connect(|mut peer| while peer.receive().is_some() {}).await;
    client.abort();
    let error = client.reconnect().await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NoAddress), "{error:?}");
    let transport = pair(|peer| usual(7, peer));
    let same = qmp_tokio::builder().reconnecting(&client).over(transport, "other").await.unwrap();
    assert_eq!((number(&client).await, number(&same).await), (7, 7));
    assert_eq!(&*client.peer(), "other");
}

#[tokio::test]
async fn a_listener_serves_the_same_client_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("qmp");
    let listener = qmp_tokio::Listener::bind(&path).unwrap();
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
    let mut events = client.events().named("STOP").subscribe();
    for round in 1..4 {
        client.execute("quit").await.unwrap();
        client.closed().await;
        dial(round);
        qmp_tokio::builder().reconnecting(&client).accept(&listener).await.unwrap();
        assert_eq!(number(&client).await, round);
    }
    let notices = events.drain().into_iter().filter(|it| matches!(it, Queued::Reconnected));
    assert_eq!(notices.count(), 3);
}

/// A wait in a subscription takes what comes from the new connection only if it began on it.
#[tokio::test]
async fn a_wait_in_a_subscription_begins_anew() {
    let (_folder, client) = connected(usual).await;
    let mut events = client.events().subscribe();
    assert!(events.recv().await.is_some());
    let wait = events.event().named("RESUME").deadline(PLENTY);
    client.execute("quit").await.unwrap();
    client.reconnect().await.unwrap();
    number(&client).await;
    assert!(wait.await.unwrap_err().is_disconnected());
    events.event().named("STOP").deadline(PLENTY).await.unwrap();
    assert!(matches!(events.drain()[..], [Queued::Reconnected]), "the notice was passed over");
}
