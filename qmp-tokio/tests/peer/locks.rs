//! Nothing of the caller's runs while the connection is locked: what it does to the connection then
//! would wait for ever.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use qmp_tokio::Client;

use crate::peer::{PLENTY, connect, event};

/// Uses the client when it is woken, and when it is dropped; wakes the task that polls.
struct Meddler(Client, Waker);

impl Wake for Meddler {
    fn wake(self: Arc<Self>) {
        assert!(self.0.in_flight() <= 64);
        drop(self.0.events().subscribe());
        self.1.wake_by_ref();
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        assert!(self.0.in_flight() <= 64);
        drop(self.0.event());
    }
}

/// Polls the future with another waker each time.
struct Meddled<F>(Client, F);

impl<F: Future + Unpin> Future for Meddled<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        for _ in 0..3 {
            let waker = Waker::from(Arc::new(Meddler(self.0.clone(), cx.waker().clone())));
            let polled = Pin::new(&mut self.1).poll(&mut Context::from_waker(&waker));
            if polled.is_ready() {
                return polled;
            }
        }
        Poll::Pending
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn wakers_may_use_the_client() {
    let client = connect(|mut peer| {
        while let Some(message) = peer.receive() {
            peer.send(&event("STOP", 1));
            peer.answer(&message, "{}");
        }
    })
    .await;
    let mut set = tokio::task::JoinSet::new();
    for number in 0..200_usize {
        let command = client.execute("x").timeout(PLENTY);
        let command = match number % 5 {
            0 => command.timeout(Duration::from_micros(50)),
            _ => command,
        };
        let command = Meddled(client.clone(), command);
        let stop = Meddled(client.clone(), client.event().named("STOP").timeout(PLENTY));
        let mut events = client.events().subscribe();
        let watcher = client.clone();
        set.spawn(async move {
            match number % 3 {
                0 => drop(tokio::time::timeout(Duration::from_micros(100), command).await),
                _ => drop(command.await),
            }
            stop.await.unwrap();
            Meddled(watcher.clone(), Box::pin(events.recv())).await;
            Meddled(watcher.clone(), Box::pin(watcher.ready())).await.unwrap();
        });
    }
    // Everybody gets an event after its own.
    while !set.is_empty() {
        client.execute("x").await.unwrap();
        while set.try_join_next().is_some_and(|done| done.is_ok()) {}
    }
    let ended = Meddled(client.clone(), Box::pin(client.closed()));
    client.abort();
    ended.await;
}

#[test]
fn futures_can_be_sent_to_other_threads() {
    fn sent<T: Send + 'static>(_: impl Fn(&Client) -> T) {}
    fn shared<T: Send + Sync + Clone + 'static>() {}
    shared::<Client>();
    sent(|client| client.execute("x"));
    sent(|client| client.raw("{}"));
    sent(Client::event);
    sent(|client| client.events().subscribe());
    sent(|client| {
        let client = client.clone();
        async move {
            client.ready().await.unwrap();
            client.sync().await.unwrap();
            client.close().await.unwrap();
            client.state_after(&client.state()).await
        }
    });
    fn future<T: Send>(_: impl Fn() -> T) {}
    future(|| qmp_tokio::connect("x"));
    future(|| async {
        let listener = qmp_tokio::Listener::bind("x").await.unwrap();
        qmp_tokio::builder().accept(&listener).await
    });
}
