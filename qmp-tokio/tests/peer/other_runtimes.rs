//! A client that is used from another runtime than the one that runs its driver.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use qmp_tokio::{Client, Error, ErrorKind, Outcome};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::peer::{PLENTY, connect, pair};

const MOMENT: Duration = Duration::from_millis(100);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A client of a server that answers nothing before its second command, and the runtime of its
/// driver, which does not run.
fn unpolled() -> (Runtime, Client) {
    let asleep = runtime();
    let client = asleep.block_on(connect(|mut peer| {
        let late = peer.receive().unwrap();
        let next = peer.receive().unwrap();
        peer.answer(&late, "\"late\"");
        peer.answer(&next, "\"next\"");
        peer.receive();
    }));
    (asleep, client)
}

fn assert_late<T: std::fmt::Debug>(result: Result<T, Error>, started: Instant) {
    let error = result.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(started.elapsed() >= MOMENT && started.elapsed() < PLENTY, "{error}");
}

#[test]
fn a_deadline_passes_though_the_drivers_runtime_does_not_run() {
    let (asleep, client) = unpolled();
    let started = Instant::now();
    let late = runtime().block_on(client.execute("x").timeout(MOMENT)).unwrap_err();
    assert!(matches!(late.kind(), ErrorKind::NoReply { .. }), "{late:#?}");
    assert_eq!(late.outcome(), Outcome::Unknown);
    assert!(late.to_string().contains("is the runtime running that it was spawned on?"), "{late}");
    assert_late(Err::<(), _>(late), started);
    // Once it runs again, the late answer is for nobody.
    let next = asleep.block_on(client.execute("next").timeout(PLENTY)).unwrap();
    assert_eq!(next.decode::<String>().unwrap(), "next");
}

#[test]
fn a_deadline_passes_where_there_is_no_runtime_of_tokio() {
    let (_asleep, client) = unpolled();
    let started = Instant::now();
    assert_late(smol::block_on(client.execute("x").timeout(MOMENT)), started);
}

#[test]
fn events_and_timeouts_have_deadlines_there_too() {
    let (_asleep, client) = unpolled();
    runtime().block_on(async {
        let started = Instant::now();
        assert_late(client.event().timeout(MOMENT).await, started);
        let started = Instant::now();
        assert_late(client.timeout(MOMENT, std::future::pending::<()>()).await, started);
        // Several, in whatever order they are set.
        let set = |times| client.execute("x").timeout(MOMENT * times);
        let (first, second, third) = (set(3), set(1), set(2));
        let started = Instant::now();
        let (first, second, third) = tokio::join!(first, second, third);
        [first, second, third].into_iter().for_each(|late| assert_late(late, started));
    });
}

#[test]
fn a_handshake_and_closing_end_there_too() {
    let asleep = runtime();
    let builder = || qmp_tokio::builder().handshake_timeout(MOMENT);
    let (client, driver) = asleep.block_on(async {
        let transport = pair(|mut peer| while peer.receive().is_some() {});
        builder().build_over(transport, "peer").unwrap()
    });
    let started = Instant::now();
    assert_late(runtime().block_on(client.ready()), started);
    drop(driver);

    let client = asleep.block_on(async {
        let transport = pair(|mut peer| {
            peer.greet();
            while peer.receive().is_some() {}
        });
        builder().connect_over(transport, "peer").await.unwrap()
    });
    runtime().block_on(async {
        let unanswered = &mut client.execute("x");
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(unanswered).poll(&mut cx).is_pending());
        let started = Instant::now();
        assert_late(client.close().await, started);
        timeout(PLENTY, client.closed()).await.unwrap();
    });
}

/// The answer is in the socket, and the one thread is busy: that is no deadline.
#[test]
fn what_arrived_in_time_counts_on_a_runtime_that_is_busy() {
    runtime().block_on(async {
        let client = connect(|peer| peer.echo()).await;
        let mut command = client.execute("x").argument("number", 5).timeout(MOMENT);
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Pending = Pin::new(&mut command).poll(&mut cx) else { panic!("too early") };
        std::thread::sleep(MOMENT * 3);
        assert_eq!(command.await.unwrap().decode::<u32>().unwrap(), 5);
    });
}
