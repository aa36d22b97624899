//! Futures that are not polled, and wakers that panic: what they cost others.

use std::future::{pending, poll_fn};
use std::os::unix::net::UnixListener;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Instant;

use qmp_driver::{Client, Runtime};

use super::turns::transport;
use super::{Script, serve};
use crate::scenarios::{Shared, join_all};
use crate::server::{PLENTY, folder};

/// One task has begun to reconnect, and does not go on, or has leaked the future.
pub async fn a_reconnection_that_is_not_polled_holds_up_nobody<A: Shared>() {
    let folder = folder();
    let path = folder.path().join("qmp");
    let listener = UnixListener::bind(&path).unwrap();
    let (greet, greets) = channel();
    thread::spawn(move || {
        // As QEMU: one client after the other.
        for stream in listener.incoming() {
            let mut script = Script::over(stream.unwrap());
            if greets.recv().is_err() {
                return;
            }
            script.greet();
            script.echo();
        }
    });
    greet.send(()).unwrap();
    let client = A::builder().connect(&*path).await.unwrap();
    for forgotten in [false, true] {
        client.abort();
        client.closed().await;
        let mut held = Box::pin(client.reconnect());
        let polled = held.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        greet.send(()).unwrap();
        within::<A, _>(client.reconnect()).await.unwrap();
        number(&client, 1).await;
        match forgotten {
            false => within::<A, _>(held).await.unwrap(),
            true => std::mem::forget(held),
        }
        number(&client, 2).await;
    }
    client.abort();
    drop(Box::pin(client.reconnect()));
    greet.send(()).unwrap();
    within::<A, _>(client.reconnect()).await.unwrap();
    number(&client, 3).await;
}

/// The replies to three commands arrive together, and the waker of the second panics.
pub async fn a_waker_that_panics_costs_its_neighbours_nothing<A: Shared>() {
    let (sent, all_sent) = channel();
    let (stream, server) = serve(move |script| {
        script.greet();
        let messages: Vec<_> = (0..3).map(|_| script.receive().unwrap()).collect();
        all_sent.recv().unwrap();
        let replies = messages.iter().map(|message| {
            format!(
                "{{\"return\": {}, \"id\": {}}}\r\n",
                message["arguments"]["number"], message["id"]
            )
        });
        let replies: String = replies.collect();
        script.send(&replies);
        script.echo();
    });
    let client = A::builder().connect_over(transport::<A>(stream), "panics").await.unwrap();
    let mut commands: Vec<_> =
        (0..3).map(|number| client.execute("x").argument("number", number)).collect();
    let waker = Waker::from(Arc::new(Panics));
    let neighbours = async {
        poll_fn(|cx| {
            for (number, command) in commands.iter_mut().enumerate() {
                let mut cx = match number {
                    1 => Context::from_waker(&waker),
                    _ => Context::from_waker(cx.waker()),
                };
                assert!(Pin::new(command).poll(&mut cx).is_pending());
            }
            Poll::Ready(())
        })
        .await;
        sent.send(()).unwrap();
        let panicking = commands.remove(1);
        let replies = join_all(commands).await;
        (panicking, replies)
    };
    let (panicking, replies) = within::<A, _>(neighbours).await;
    let numbers: Vec<u8> =
        replies.into_iter().map(|reply| reply.unwrap().decode().unwrap()).collect();
    assert_eq!(numbers, [0, 2]);
    assert_eq!(within::<A, _>(panicking).await.unwrap().decode::<u8>().unwrap(), 1);
    number(&client, 7).await;
    client.close().await.unwrap();
    server.join().unwrap();
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("this waker panics, as intended");
    }
}

/// A reply, and events before and after it, arrive in one read.
pub async fn replies_and_events_have_their_order_on_the_wire<A: Shared>() {
    const EVENT: &str = "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": ";
    let (stream, server) = serve(|script| {
        script.greet();
        while let Some(message) = script.receive() {
            script.send(&format!(
                "{EVENT}\"STOP\"}}\r\n{{\"return\": {{}}, \"id\": {}}}\r\n{EVENT}\"RESUME\"}}\r\n",
                message["id"]
            ));
        }
    });
    let client = A::builder().connect_over(transport::<A>(stream), "orderly").await.unwrap();
    let mut events = client.events().subscribe();
    let mut last = 0;
    for _ in 0..3 {
        let reply = within::<A, _>(client.execute("stop")).await.unwrap();
        let at = reply.stream_position();
        assert!(at > last);
        let before = crate::subject::names(events.drain_before(at));
        assert_eq!(before, ["STOP"]);
        let after = within::<A, _>(events.event()).await.unwrap();
        assert_eq!(after.name(), "RESUME");
        assert!(after.stream_position() > at);
        last = after.stream_position();
    }
    client.close().await.unwrap();
    server.join().unwrap();
}

async fn number(client: &Client, number: u8) {
    let reply = client.execute("x").argument("number", number).timeout(PLENTY).await.unwrap();
    assert_eq!(reply.decode::<u8>().unwrap(), number);
}

/// Panics instead of waiting for ever.
async fn within<A: Shared, F: Future>(future: F) -> F::Output {
    let runtime = A::Runtime::default();
    let mut late = pin!(async {
        runtime.sleep_until(Instant::now() + PLENTY).await;
        panic!("it takes too long");
        #[allow(unreachable_code, reason = "the type of the block")]
        pending::<F::Output>().await
    });
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Pending => late.as_mut().poll(cx),
        ready => ready,
    })
    .await
}
